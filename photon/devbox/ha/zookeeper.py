"""The ZooKeeper ensemble."""

from __future__ import annotations

import socket
from typing import Final

from photon.devbox.ha.groups import in_group
from photon.devbox.ha.layout import ZOOKEEPER_PORT, HaLayout, members
from photon.devbox.ha.templates import fill
from photon.devbox.programs import Program

KIND: Final = "zookeeper"
ANSWER_SECONDS: Final = 1.0  # It answers in a millisecond, or is not ready.
ANSWER_BYTES_MAX: Final = 4096
_CLASSES: Final = ":".join(
    f"/usr/share/java/{name}.jar"
    for name in (
        *("zookeeper", "zookeeper-jute", "netty-all", "netty-codec", "slf4j-nop", "slf4j-api"),
    )
)
# Small: what it keeps is a few hundred nodes. Quick to start: it lives for minutes or hours.
_JAVA: Final = (*("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),)
_MAIN: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


def zookeeper(layout: HaLayout, number: int) -> Program:
    name = f"{KIND}-{number}"
    config = layout.part_dir(name) / "zoo.cfg"
    command = ("java", *_JAVA, "-cp", _CLASSES, _MAIN, str(config))
    return Program(
        name,
        in_group(layout, name, command),
        layout.run_dir,
        ready=lambda: mode(layout, number) != "",
    )


def configure(layout: HaLayout, number: int) -> None:
    folder = layout.part_dir(f"{KIND}-{number}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "myid").write_text(str(number))
    servers = {f"ZOOKEEPER_{n}": layout.zookeeper_host(n) for n in members()}
    own = {"DATA_DIR": str(folder), "ADDRESS": layout.zookeeper_host(number)}
    fill("zoo.cfg", folder / "zoo.cfg", {**own, **servers})


def mode(layout: HaLayout, number: int) -> str:
    """leader or follower; "" when it does not belong to a quorum, or does not answer."""
    place = (layout.zookeeper_host(number), ZOOKEEPER_PORT)
    try:
        with socket.create_connection(place, timeout=ANSWER_SECONDS) as connection:
            connection.sendall(b"srvr")
            said = b""
            while chunk := connection.recv(ANSWER_BYTES_MAX):
                said += chunk
    except OSError:
        return ""
    for line in said.decode(errors="replace").splitlines():
        if line.startswith("Mode: "):
            return line.removeprefix("Mode: ")
    return ""
