"""PostgreSQL's three members, each with the Patroni that starts, follows and promotes it."""

from __future__ import annotations

import base64
import functools
import http.client
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from photon.devbox.ha.groups import in_group
from photon.devbox.ha.layout import (
    PATRONI_PORT,
    POSTGRES_PORT,
    ZOOKEEPER_PORT,
    HaLayout,
    members,
)
from photon.devbox.ha.secrets import make_certificate, password
from photon.devbox.ha.templates import fill
from photon.devbox.postgres import binaries
from photon.devbox.programs import Program, tree_of

KIND: Final = "postgres"
SUPERUSER: Final = "postgres"
DATABASE: Final = "photon"
ASK_SECONDS: Final = 3.0  # A Patroni that is well answers in milliseconds, one under load in one.
SWITCHOVER_SECONDS: Final = 60.0  # It answers when it is done.
# What Patroni says of members that are well: role and state.
LEADER: Final = "leader running"
STANDBY: Final = "quorum_standby streaming"
SHARED_BUFFERS: Final = "64MB"


def postgres(layout: HaLayout, number: int) -> Program:
    name = f"{KIND}-{number}"
    folder = layout.part_dir(name)
    command = (*_as_owner(layout), sys.executable, "-m", "patroni", str(folder / "patroni.yml"))
    return Program(
        name,
        in_group(layout, name, command),
        layout.run_dir,
        ready=lambda: role(layout, number) != "",
        beside=lambda: _server(folder / "data"),
        environment={"LC_ALL": "C.UTF-8"},
    )


def _as_owner(layout: HaLayout) -> tuple[str, ...]:
    """The server refuses to run as root.

    What it needs may lie where only root comes: an interpreter in root's own home, or the checkout.
    Then it may read everything, which is well enough on a machine for trying things out.
    """
    if os.geteuid() != 0:
        return ()
    become = ("setpriv", f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--init-groups")
    needed = (str(layout.root), sys.executable)
    if all(_succeeds((*become, "test", "-x", place)) for place in needed):
        return become
    return (*become, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


@functools.cache
def _succeeds(command: tuple[str, ...]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def owner() -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    found = pwd.getpwnam(SUPERUSER)
    return found.pw_uid, found.pw_gid


def configure(layout: HaLayout, number: int) -> None:
    name, address = f"{KIND}-{number}", layout.postgres_host(number)
    folder = layout.part_dir(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chown(folder, *owner())
    certificate, key = folder / "server.pem", folder / "server.key"
    make_certificate(layout.ca_file, address, certificate, key)
    for file in (certificate, key):
        os.chown(file, *owner())
    # A kill leaves it; where nobody collects dead processes, the one that it names seems to live.
    if not _server(folder / "data"):
        (folder / "data/postmaster.pid").unlink(missing_ok=True)
    values = {
        "NAME": name,
        "ADDRESS": address,
        "NETWORK": "127.0.0.0/8",
        "ZOOKEEPER_SERVERS": ",".join(
            f"{layout.zookeeper_host(n)}:{ZOOKEEPER_PORT}" for n in members()
        ),
        "DATA_DIR": str(folder / "data"),
        "BIN_DIR": str(binaries()),
        "PGPASS": str(folder / "pgpass"),
        "DATABASE_SQL": str(folder / "photon.sql"),
        "SHARED_BUFFERS": SHARED_BUFFERS,
        "CA": str(layout.ca_file),
        "CERTIFICATE": str(certificate),
        "KEY": str(key),
        **{
            f"{user.upper()}_PASSWORD": password(layout.secrets_dir, user)
            for user in ("superuser", "replication", "rewind", "patroni", "photon")
        },
    }
    fill("patroni.yml", folder / "patroni.yml", values, owner())
    fill("photon.sql", folder / "photon.sql", values, owner())


def kill_server(layout: HaLayout, number: int) -> bool:
    """kill -9 of the database server alone: its Patroni lives, and tells the others."""
    folder = layout.part_dir(f"{KIND}-{number}")
    data = folder / "data"
    return Program(f"{KIND}-{number}-server", (), folder, beside=lambda: _server(data)).kill()


def forget(layout: HaLayout, number: int) -> None:
    """Drops all that this member has, as a new disk would. It must not run."""
    shutil.rmtree(layout.part_dir(f"{KIND}-{number}") / "data", ignore_errors=True)


def role(layout: HaLayout, number: int) -> str:
    """primary, or replica for one that follows it; "" when its server takes no questions."""
    said = ask(layout, number, "GET", "/patroni")
    if said.get("state") not in ("running", "streaming"):
        return ""
    return "primary" if said.get("role") in ("primary", "master") else "replica"


def primary(layout: HaLayout) -> int | None:
    """The member that holds the leader's lock and takes writes; None when there is none."""
    for number in members():
        if ask(layout, number, "GET", "/primary").get("state") == "running":
            return number
    return None


def cluster(layout: HaLayout) -> Mapping[str, Any]:
    """What Patroni knows of all members, as whichever answers first tells it."""
    for number in members():
        if said := ask(layout, number, "GET", "/cluster"):
            return said
    return {}


def switchover(layout: HaLayout, to: int) -> str:
    """Makes another member the primary, in order. What Patroni says of it."""
    leader = primary(layout)
    if leader is None:
        return "there is no primary now"
    body = {"leader": f"{KIND}-{leader}", "candidate": f"{KIND}-{to}"}
    said = ask(layout, leader, "POST", "/switchover", body, seconds=SWITCHOVER_SECONDS)
    return str(said.get("text", "Patroni did not answer"))


def ask(  # noqa: PLR0913  # each is another thing, and most are left out
    layout: HaLayout,
    number: int,
    method: str,
    path: str,
    body: object = None,
    *,
    seconds: float = ASK_SECONDS,
) -> dict[str, Any]:
    """What this member's Patroni answers; nothing when it does not, or says no."""
    host = layout.postgres_host(number)
    connection = http.client.HTTPConnection(host, PATRONI_PORT, timeout=seconds)
    try:
        connection.request(
            method,
            path,
            None if body is None else msgspec.json.encode(body),
            {"Authorization": _basic(password(layout.secrets_dir, "patroni"))},
        )
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    if method == "POST":
        return {"text": said.decode(errors="replace"), "status": answer.status}
    if answer.status != http.client.OK:
        return {}
    read: dict[str, Any] = msgspec.json.decode(said)
    return read


def store_url(layout: HaLayout, user: str = "photon", database: str = DATABASE) -> str:
    """What reaches whichever member takes writes."""
    secret = "superuser" if user == SUPERUSER else user
    servers = ",".join(f"{layout.postgres_host(n)}:{POSTGRES_PORT}" for n in members())
    return (
        f"postgresql://{user}:{password(layout.secrets_dir, secret)}@{servers}/{database}"
        f"?sslmode=verify-full&sslrootcert={layout.ca_file}"
    )


def _basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"patroni:{secret}".encode()).decode()


def _server(data: Path) -> list[int]:
    """The server's first process, which is not Patroni's child; none when it does not run."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return []
    return [pid] if tree_of(pid) and _is_postgres(pid) else []


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False
