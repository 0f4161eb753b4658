"""The files that a first plan is begun from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# A wheel carries the examples beside this module; a checkout has them where a reader looks.
_HERE: Final = Path(__file__).parent
FOLDERS: Final = (_HERE / "example", _HERE.parents[1] / "examples" / "plan")
NAMES: Final = {"small-hosts.yaml": "hosts.yaml", "small-workload.yaml": "workload.yaml"}


class ExampleRefused(Exception):
    """The files cannot be written; the sentence says why."""


def write_example(folder: Path) -> list[Path]:
    """The files that were written; nothing that is there already is written over.

    Raises ExampleRefused.
    """
    source = next(each for each in FOLDERS if each.is_dir())
    written = [folder / name for name in NAMES.values()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in zip(NAMES, written, strict=True):
            with target.open("x") as opened:
                opened.write((source / name).read_text())
    except OSError as problem:
        raise ExampleRefused(f"{problem.filename}: {problem.strerror}") from problem
    return written
