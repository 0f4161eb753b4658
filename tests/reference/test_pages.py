"""The reference says what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.reference.pages import pages

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_is_what_the_code_would_write_now(name: str) -> None:
    assert (REFERENCE / name).read_text() == pages()[name], "run python -m photon.reference"


def test_every_code_that_is_raised_is_on_the_page() -> None:
    page = pages()["errors.md"]
    for code in ("VmNotFound", "QuotaError", "UnfullfillableAffinities", "OutOfThreadPoolWorker"):
        assert f"| `{code}` |" in page
