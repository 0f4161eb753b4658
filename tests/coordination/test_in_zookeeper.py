"""Coordination in ZooKeeper: the contract, and what only real servers can show."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kazoo.client import KazooClient  # type: ignore[import-untyped]  # kazoo has no types
from kazoo.exceptions import NoAuthError  # type: ignore[import-untyped]  # as above

from photon.coordination.ensemble import Ensemble
from photon.coordination.errors import CoordinationUnavailable
from photon.coordination.terms import LeaseTerms
from photon.coordination.zookeeper import ZooKeeperCoordination
from photon.coordination.zookeeper_session import ZooKeeperSession
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.coordination.contract import CoordinationContract, Peer, a_member
from tests.coordination.servers import Line, Servers, ensemble_in
from tests.rpc.test_tls import a_certificate

pytestmark = pytest.mark.slow

TERMS = LeaseTerms(2.0)
PATIENCE_SECONDS = 30.0  # What takes a moment takes longer on a busy machine.
SECRET = "hush"
IDS = TimeOrderedIds(RealClock())


@pytest.fixture(scope="module", autouse=True)
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = ensemble_in(tmp_path_factory.mktemp("ensemble"))
    try:
        asyncio.run(servers.start())
        yield servers
    finally:
        servers.end()


class ZooKeeperLab:
    """Members of one real ensemble, each behind a line that can be cut."""

    def __init__(self, servers: Servers) -> None:
        self.root = f"/test-{IDS.new()}"
        self.servers = servers
        self._silent: set[str] = set()
        self._made: list[tuple[Peer, ZooKeeperCoordination, Line]] = []
        self._eye = ZooKeeperSession(
            Ensemble(servers.hosts, self.root), TERMS.lease_seconds, _nothing, _nothing
        )

    async def open(self) -> None:
        await self._eye.start()
        await self._eye.ensure("/members")

    async def peer(self, name: str) -> Peer:
        line = Line(self.servers)
        await line.start()
        member, losses = a_member(name), list[str]()
        coordination = ZooKeeperCoordination(
            Ensemble(f"127.0.0.1:{line.port}", self.root),
            RealClock(),
            TERMS,
            lambda: losses.append(member.id),
        )
        await coordination.join(member)

        def freeze() -> None:
            line.cut()
            self._silent.add(member.id)

        def thaw() -> None:
            line.mend()
            self._silent.discard(member.id)

        async def die() -> None:
            freeze()

        peer = Peer(member, coordination, losses, freeze, thaw, die)
        self._made.append((peer, coordination, line))
        return peer

    async def moment(self) -> None:
        """Everybody who can be heard sees all that is so now, or knows that its session is over."""
        for peer, coordination, _ in self._made:
            if peer.id not in self._silent:
                await _until_seen(coordination)

    async def lease(self) -> None:
        """Sessions of those who are silent end; of others, one would have ended by now."""
        silent = set(self._silent)
        if not silent:
            await asyncio.sleep(TERMS.lease_seconds)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while silent & set(await self._eye.children("/members")):  # noqa: ASYNC110 - its watch would be what is tested
                await asyncio.sleep(0.05)
        await self.moment()

    async def close(self) -> None:
        for _, coordination, line in self._made:
            line.mend()
            await coordination.leave()
            await line.close()
        await self._eye.stop()


async def _until_seen(coordination: ZooKeeperCoordination) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not coordination.ended:
            try:
                await coordination.session.sync("/members")
                await coordination.beat()
                await coordination.look()
            except CoordinationUnavailable:
                await asyncio.sleep(0.05)
                continue
            return


def _nothing() -> None:
    pass


@pytest.fixture
async def lab(servers: Servers) -> AsyncIterator[ZooKeeperLab]:
    lab = ZooKeeperLab(servers)
    await lab.open()
    yield lab
    await lab.close()


class TestInZooKeeper(CoordinationContract):
    pass


async def test_a_session_is_held_for_as_long_as_was_granted_not_as_was_asked(
    servers: Servers,
) -> None:
    session = ZooKeeperSession(Ensemble(servers.hosts, "/x"), 1000.0, _nothing, _nothing)
    await session.start()
    assert session.session_seconds == pytest.approx(4.0), "20 ticks of the servers"
    await session.stop()


async def test_after_a_long_silence_one_answer_is_not_believed(lab: ZooKeeperLab) -> None:
    """The ensemble's leader may have ended the session before it heard of the question."""
    peer = await lab.peer("a")
    coordination = peer.coordination
    assert isinstance(coordination, ZooKeeperCoordination)
    office = coordination.campaign("chairman")
    await office.wait()
    coordination._answered_at -= TERMS.lease_seconds
    coordination._held_until = 0.0
    await coordination.beat()
    assert office.fence() is None
    await coordination.beat()
    assert office.fence() is not None


async def test_nobody_is_dead_and_leaders_lead_on_when_a_server_is_killed(
    lab: ZooKeeperLab, servers: Servers
) -> None:
    losses: list[str] = []
    members = []
    for name in "abc":
        coordination = ZooKeeperCoordination(
            Ensemble(servers.hosts, lab.root), RealClock(), TERMS, lambda: losses.append("lost")
        )
        await coordination.join(a_member(name))
        members.append(coordination)
    offices = [members[0].campaign("chairman")]
    fence = await offices[0].wait()
    offices += [member.campaign("chairman") for member in members[1:]]
    victim = servers.all[-1]  # By its number it leads the ensemble, mostly.
    victim.kill()
    await asyncio.sleep(2 * TERMS.lease_seconds)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await offices[0].wait()
    assert offices[0].fence() == fence
    assert [office.fence() for office in offices[1:]] == [None, None]
    assert losses == []
    assert len(members[1].members()) == 3
    victim.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await victim.ready()
    for member in members:
        await member.leave()


async def test_a_process_that_was_stopped_and_resumed_never_says_that_it_still_leads(
    lab: ZooKeeperLab, servers: Servers
) -> None:
    """A real process under SIGSTOP: not one line that it writes afterwards has its old fence."""
    process = await _spawned(servers.hosts, lab.root)
    try:
        first = await _line_of(process)
        assert first["fence"] is not None
        peer = await lab.peer("heir")
        office = peer.coordination.campaign("chairman")
        os.kill(process.pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        async with asyncio.timeout(PATIENCE_SECONDS):
            later = await office.wait()
        assert later > first["fence"]
        os.kill(process.pid, signal.SIGCONT)
        lines = []
        while (line := await _line_of(process)) is not None:
            lines.append(line)
        resumed = [line for line in lines if line["at"] > stopped_at]
        assert resumed
        assert {line["fence"] for line in resumed} == {None}
        assert lines[-1]["lost"], "it heard that it is dead, and stopped"
        assert office.fence() == later
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _spawned(hosts: str, root: str) -> Process:
    program = "tests.coordination.frozen_member"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program), hosts, root, str(TERMS.lease_seconds), stdout=PIPE
    )


async def _line_of(process: Process) -> Any:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await process.stdout.readline()
    return msgspec.json.decode(line) if line else None


async def test_what_one_user_made_no_other_can_touch(servers: Servers) -> None:
    root = f"/test-{IDS.new()}"
    ours = Ensemble(servers.hosts, root, "photon", SECRET)
    coordination = ZooKeeperCoordination(ours, RealClock(), TERMS, _nothing)
    await coordination.join(a_member("a"))
    assert SECRET not in repr(ours)
    stranger = KazooClient(hosts=servers.hosts, timeout=TERMS.lease_seconds)
    await asyncio.to_thread(stranger.start)
    try:
        for act in (stranger.get, stranger.delete):
            with pytest.raises(NoAuthError):
                await asyncio.to_thread(act, f"{root}/members/id-a")
    finally:
        await asyncio.to_thread(stranger.stop)
        stranger.close()
        await coordination.leave()


# Kazoo leaves the sockets of handshakes that failed, while the servers start, to the collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_over_tls_only_servers_that_are_trusted_are_spoken_to(tmp_path: Path) -> None:
    server, client = a_certificate(tmp_path, "server"), a_certificate(tmp_path, "client")
    key_store = tmp_path / "server-store.pem"
    key_store.write_bytes(server[1].read_bytes() + server[0].read_bytes())
    more = (
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"
        "secureClientPort={port}\n"
        f"ssl.keyStore.location={key_store}\nssl.keyStore.type=PEM\n"
        f"ssl.trustStore.location={client[0]}\nssl.trustStore.type=PEM\n"
    )
    servers = ensemble_in(tmp_path / "servers", more=more)
    hosts = []
    for each in servers.all:
        config = each.folder / "zoo.cfg"
        secure = each.port  # the plain one is moved out of the way
        hosts.append(f"127.0.0.1:{secure}")
        text = config.read_text().replace(f"clientPort={secure}\n", "").format(port=secure)
        config.write_text(text.replace("clientPortAddress", "secureClientPortAddress"))
    try:
        for each in servers.all:
            each.start()
        ensemble = Ensemble(",".join(hosts), "/tls", "", "", server[0], *client)
        coordination = ZooKeeperCoordination(ensemble, RealClock(), TERMS, _nothing)
        await coordination.join(a_member("a"))
        assert [member.id for member in coordination.members()] == ["id-a"]
        await coordination.leave()
        distrusted = dataclasses.replace(ensemble, ca=client[0])
        with pytest.raises(CoordinationUnavailable, match="took a session"):
            await ZooKeeperCoordination(distrusted, RealClock(), TERMS, _nothing).join(
                a_member("b")
            )
    finally:
        servers.end()
        gc.collect()
