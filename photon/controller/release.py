"""Which release runs."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from photon.api.plane import Release

UNKNOWN_COMMIT: Final = "unknown"
GIT_SECONDS_MAX: Final = 2  # It reads one file; whatever takes longer is not worth waiting for.


def release() -> Release:
    """The version of the package, and the commit of the checkout if it is one."""
    try:
        base = metadata.version("photon-controller")
    except metadata.PackageNotFoundError:
        base = "0.1.0"
    commit = _commit(Path(__file__).resolve().parents[2])
    return Release(base_version=base, full_version=f"{base}-{commit[:7]}", git_commit_hash=commit)


def _commit(checkout: Path) -> str:
    if not (checkout / ".git").exists():
        return UNKNOWN_COMMIT
    try:
        answer = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN_COMMIT
    return answer.stdout.strip() or UNKNOWN_COMMIT
