"""What a host promises beyond what it has: its own terms before the deployment's."""

from __future__ import annotations

import pytest

from photon.domain.error_catalogue import InvalidEntity
from photon.domain.overcommit import Overcommit, check_overcommit


def test_a_host_s_own_terms_go_before_the_deployment_s() -> None:
    usual = Overcommit(8.0, 1.5)
    assert usual.of({}) == usual
    assert usual.of({"CPU_OVERCOMMIT": "2"}) == Overcommit(2.0, 1.5)
    assert usual.of({"MEMORY_OVERCOMMIT": "1.25", "CPU_OVERCOMMIT": "1"}) == Overcommit(1.0, 1.25)


@pytest.mark.parametrize("said", ["0", "-1", "nan", "inf", "many", "1001"])
def test_terms_that_no_agent_takes_are_refused(said: str) -> None:
    for key in ("CPU_OVERCOMMIT", "MEMORY_OVERCOMMIT"):
        with pytest.raises(InvalidEntity, match=key):
            check_overcommit({key: said})
        assert Overcommit().of({key: said}) == Overcommit()
    check_overcommit({"CPU_OVERCOMMIT": "", "MEMORY_OVERCOMMIT": "1000"})
