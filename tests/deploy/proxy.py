"""The real haproxy with the file that we ship, in front of controllers on this machine."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import shutil
import socket
import subprocess
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

CONFIG: Final = Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"
FAREWELL_SECONDS: Final = 5  # What the file and the how-to ask for at least.
BACKEND: Final = "controllers"
LOOK_SECONDS: Final = 0.05
SEEN_SECONDS_MAX: Final = 30.0  # Checks take two seconds; a busy machine some more.
STOP_SECONDS_MAX: Final = 10.0

Rows = dict[str, dict[str, str]]

# As `option httplog` writes it, with what was captured of the answer.
LINE: Final = re.compile(
    r" controllers/(?P<server>\S+) [-+\d/]+ (?P<status>-?\d+) \S+ - - (?P<end>\S{4}) \S+ \S+"
    r'.* "(?P<method>\S+) (?P<path>\S+) HTTP/'
)


@dataclass(frozen=True, slots=True)
class Logged:
    """A call as haproxy tells of it; `end` is ---- when neither side broke off."""

    server: str
    status: int
    end: str
    method: str
    path: str


def program() -> str:
    """Debian has it where only root looks."""
    found = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found is not None, "there is no haproxy here; install the package haproxy"
    return found


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """One that vouches for itself, for 127.0.0.1: to be trusted; and with its key, to be shown."""
    certificate, key, both = folder / "ca.pem", folder / "key.pem", folder / "photon.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=photon", "-addext"),
            *("subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(certificate.read_text() + key.read_text())
    return certificate, both


def environment(certificate: Path, controllers: Sequence[str], **more: str) -> dict[str, str]:
    """What haproxy is told of this place; `controllers` are HOST:PORT."""
    told = {f"PHOTON_CONTROLLER_{n}": each for n, each in enumerate(controllers, start=1)}
    if os.geteuid() != 0:
        told["PHOTON_PROXY_UNPRIVILEGED"] = "1"
    return {
        "PATH": os.defpath,
        "PHOTON_CERTIFICATE": str(certificate),
        "PHOTON_LOG": "stdout",
        **told,
        **more,
    }


class Haproxy:
    """Its two doors are opened here and handed down, so that nobody else can have their ports."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "haproxy.log"
        self.ca, self._shown = certificate_in(folder)
        self._doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self._process: Process | None = None

    @property
    def address(self) -> str:
        host, port = self._doors[0].getsockname()
        return f"{host}:{port}"

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    async def start(self, controllers: Sequence[str]) -> None:
        api, stats = (door.fileno() for door in self._doors)
        doors = {"PHOTON_BIND": f"fd@{api}", "PHOTON_STATS": f"fd@{stats}"}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(program(), "-db", "-f", str(CONFIG)),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env=environment(self._shown, controllers, **doors),
                pass_fds=(api, stats),
            )
        await self._seen(lambda rows: {row["status"] for row in rows.values()} == {"UP"})

    async def end(self) -> None:
        for door in self._doors:
            door.close()
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await self._process.wait()

    async def rows(self) -> Rows:
        """What it knows of each controller, by server name: the columns of its own page."""
        host, port = self._doors[1].getsockname()
        async with httpx2.AsyncClient(base_url=f"http://{host}:{port}") as client:
            answer = await client.get("/;csv")
        read = csv.DictReader(answer.text.removeprefix("# ").splitlines())
        rows = [row for row in read if row["pxname"] == BACKEND]
        return {row["svname"]: row for row in rows if row["svname"].startswith("controller-")}

    async def under_way(self, count: int) -> None:
        """Returns when so many calls wait for an answer of controllers."""
        await self._seen(lambda rows: sum(int(row["scur"]) for row in rows.values()) == count)

    async def sees(self, server: str, status: str) -> None:
        """Returns when its checks say so of a server: UP or DOWN."""
        await self._seen(lambda rows: rows[server]["status"] == status)

    async def _seen(self, so: Callable[[Rows], bool]) -> None:
        async with asyncio.timeout(SEEN_SECONDS_MAX):
            while True:
                assert self._process is not None
                assert self._process.returncode is None, self.words()
                if so(await self.rows()):
                    return
                await asyncio.sleep(LOOK_SECONDS)

    def calls(self) -> list[Logged]:
        """All that it has carried so far, as it tells of it."""
        found = LINE.finditer(self.words())
        return [
            Logged(f["server"], int(f["status"]), f["end"], f["method"], f["path"]) for f in found
        ]

    def words(self) -> str:
        return self._log.read_text(errors="replace")
