"""A private PostgreSQL server in a folder of its own, reached through a socket in that folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

START_SECONDS_MAX: Final = 60  # A busy machine takes seconds; recovery after kill -9 some more.
VERSIONS: Final = ("18", "17", "16", "15")
SUPERUSER: Final = "photon"

# The data may be lost with the machine, as a test's may.
FORGETFUL: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=on")


def binaries() -> Path:
    """Where Debian keeps the newest server's programs, which are not on the path."""
    for version in VERSIONS:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found is None:
        raise FileNotFoundError("There is no PostgreSQL here. Install the package postgresql-15.")
    return Path(found).parent


class PrivatePostgres:
    """`folder` must not exist yet, and its path be short: a socket's may have 107 bytes."""

    def __init__(self, folder: Path, settings: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._binaries = binaries()
        self._settings = (
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "shared_buffers=64MB",
            *settings,
        )
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def create(self) -> None:
        self.folder.mkdir(mode=0o700)
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", f"--pgdata={self._data}", "--auth=trust", f"--username={SUPERUSER}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip

    def url(self, database: str = "postgres", **parameters: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"postgresql://{SUPERUSER}@/{database}?host={self.folder}{more}"

    def start(self) -> None:
        options = " ".join(f"-c {setting}" for setting in self._settings)
        self._run(
            "pg_ctl", "start", "--wait", f"--timeout={START_SECONDS_MAX}", "--silent",
            f"--pgdata={self._data}", f"--log={self.folder}/log", f"--options={options}",
        )  # fmt: skip

    def stop(self) -> None:
        """Cuts off whoever is connected; what is committed is kept."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast", "--silent", f"--pgdata={self._data}")

    def kill(self) -> None:
        """kill -9 of the whole server."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)  # So that it makes no more children meanwhile.
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        pids = [first, *map(int, children)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        # The next server would find the memory that they share in use.
        while any(_state(pid) != "Z" for pid in pids):
            time.sleep(0.01)
        # Where nobody collects dead processes, the next server would believe that this one lives.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def remove(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--mode=immediate", "--silent", f"--pgdata={self._data}")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            user=self._user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": os.defpath},
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace').strip()}")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
