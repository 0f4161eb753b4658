"""Every saga passes every proof of tests/tasks/harness.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.sagas.catalogue import SAGAS
from tests.sagas import (
    cases_disks,
    cases_hosts,
    cases_images,
    cases_missing,
    cases_sync,
    cases_system,
    cases_vms,
)
from tests.tasks import harness
from tests.tasks.harness import SagaCase

CASES: tuple[SagaCase, ...] = (
    *cases_vms.CASES,
    *cases_disks.CASES,
    *cases_hosts.CASES,
    *cases_missing.CASES,
    *cases_sync.CASES,
    *cases_system.CASES,
    *cases_images.CASES,
)
PROVED_ELSEWHERE = {"CREATE_IMAGE"}  # No controller can carry on an upload: test_uploads.

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
async def test_a_controller_may_die_anywhere(case: SagaCase, tmp_path: Path) -> None:
    await harness.check_crash_anywhere(case, tmp_path)


@every_case
async def test_a_step_may_fail_anywhere(case: SagaCase, tmp_path: Path) -> None:
    await harness.check_fail_anywhere(case, tmp_path)


@every_case
async def test_a_step_may_be_done_and_undone_twice(case: SagaCase, tmp_path: Path) -> None:
    await harness.check_repeated(case, tmp_path)


def test_every_saga_has_a_case() -> None:
    missing = (
        {saga.operation for saga in SAGAS} - {case.operation for case in CASES} - PROVED_ELSEWHERE
    )
    assert not missing
