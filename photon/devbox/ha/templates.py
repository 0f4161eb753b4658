"""The files of deploy/ha, with what is particular to this cloud filled in."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Final

from photon.devbox.ha.secrets import write_private

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"
PROXY_FILE: Final = DEPLOY / "haproxy.cfg"  # It takes what differs from the environment.


def fill(
    name: str, file: Path, values: dict[str, str], owner: tuple[int, int] | None = None
) -> None:
    """Writes `name` of deploy/ha to `file`, for its owner's eyes. Every placeholder has a value."""
    template = Template((DEPLOY / "ha" / name).read_text())
    write_private(file, template.substitute(values), owner)
