"""A real ZooKeeper ensemble of three, each a process of its own, on ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Final

MEMBERS: Final = 3
TICK_MS: Final = 200  # Sessions may be from 2 of these to 20.
READY_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 2.0
CLASSES: Final = ":".join(
    f"/usr/share/java/{name}.jar"
    for name in (
        "zookeeper",
        "zookeeper-jute",
        "netty-all",
        "netty-codec",
        "slf4j-nop",
        "slf4j-api",
    )
)
# A small and lazy machine: these servers live for seconds.
JAVA: Final = ("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
MAIN: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


@dataclass
class Server:
    folder: Path
    port: int
    options: tuple[str, ...] = ()
    process: Popen[bytes] | None = None

    def start(self) -> None:
        command = ("java", *JAVA, *self.options, "-cp", CLASSES, MAIN, str(self.folder / "zoo.cfg"))
        with (self.folder / "log").open("ab") as log:
            self.process = Popen(command, stdin=DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    async def serves(self) -> bool:
        """Whether it belongs to a quorum."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"srvr")
                answer = await reader.read()
                writer.close()
                return b"Mode:" in answer
        return False

    async def ready(self) -> None:
        while not await self.serves():  # noqa: ASYNC110  another program has no event of ours
            await asyncio.sleep(0.1)


@dataclass
class Servers:
    all: list[Server] = field(default_factory=list)

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{server.port}" for server in self.all)

    async def start(self) -> None:
        for server in self.all:
            server.start()
        async with asyncio.timeout(READY_SECONDS):
            for server in self.all:
                await server.ready()

    def end(self) -> None:
        for server in self.all:
            server.kill()


def ensemble_in(folder: Path, *, more: str = "", options: tuple[str, ...] = ()) -> Servers:
    """Three servers, not started; `more` lines of configuration for each."""
    ports = free_ports(3 * MEMBERS)
    peers = "\n".join(
        f"server.{number + 1}=127.0.0.1:{ports[3 * number + 1]}:{ports[3 * number + 2]}"
        for number in range(MEMBERS)
    )
    servers = Servers()
    for number in range(MEMBERS):
        place = folder / f"zookeeper-{number + 1}"
        place.mkdir(parents=True)
        (place / "myid").write_text(str(number + 1))
        (place / "zoo.cfg").write_text(
            f"tickTime={TICK_MS}\ninitLimit=50\nsyncLimit=25\ndataDir={place}\n"
            f"clientPort={ports[3 * number]}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n4lw.commands.whitelist=srvr\nforceSync=no\n"
            f"maxClientCnxns=0\n{more}\n{peers}\n"
        )
        servers.all.append(Server(place, ports[3 * number], options))
    return servers


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Line:
    """The way from one member to the ensemble: it can be cut, so that nothing comes through.

    To the ensemble and to everybody else, a member behind a cut line is as one that was stopped.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._open = asyncio.Event()
        self._open.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._turn = 0

    async def start(self) -> None:
        self._door = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port: int = self._door.sockets[0].getsockname()[1]

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    async def close(self) -> None:
        self._door.close()
        for pump in tuple(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._pumps.add(me)
        try:
            await self._open.wait()
            self._turn += 1
            server = self._servers.all[self._turn % MEMBERS]
            back, on = await asyncio.open_connection("127.0.0.1", server.port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, on))
                group.create_task(self._pump(back, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._pumps.discard(me)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(65_536):
                await self._open.wait()
                sink.write(chunk)
                await sink.drain()
        finally:
            sink.close()
