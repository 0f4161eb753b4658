"""A devbox of a test's own, driven as a person drives it: by its commands."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS_MAX = 420
PORT_MAX = 60_000
SCOPE = ("--tenant", "demo", "--project", "demo")
REAL_HOST = ("--affinity", "host:127.0.0.1")


@dataclass(frozen=True)
class Box:
    """Its folder, its ports."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PHOTON_DEVBOX_DIR": str(self.folder),
            "PHOTON_TARGET": self.url,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "PYTHONPATH": str(ROOT),
        }

    def devbox(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "photon.devbox", "--port", str(self.port), *arguments)

    def photon(self, *arguments: str) -> str:
        answer = self.refused(*arguments)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def refused(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As `photon`, for a command that may fail."""
        return self.python("-m", "photon.cli", *arguments)

    def json(self, *arguments: str) -> Any:
        return msgspec.json.decode(self.photon(*arguments, *SCOPE, "-o", "json"))

    def python(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )

    def states(self, noun: str = "vm") -> dict[str, str]:
        """State by name."""
        return {each["name"]: each["state"] for each in self.json(noun, "list")["items"]}

    def pid(self, program: str) -> int:
        """Of a program of the cloud, as the devbox noted it."""
        noted = msgspec.json.decode((self.folder / f"run/{program}.pid").read_bytes())
        found: int = noted["pid"]
        return found


def free_port() -> int:
    """Also of those that `--port` takes: the kernel gives ports up to 60999."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port <= PORT_MAX:
            return port


def interfaces() -> set[str]:
    """Bridges and taps that agents of this machine have made."""
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    return {name for name in names if name.startswith(("pg", "pt"))}
