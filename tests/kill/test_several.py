"""Several controllers on one store: each may be killed, frozen or restarted, and nothing is lost.

Real processes on a real PostgreSQL, behind a balancer that knows nothing but connections and
/v1/available.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from photon.sdk.client import AsyncClient, Settings
from tests.coordination.servers import ensemble_in
from tests.kill.cloud import ANY_PORT, HOSTS_SERVED
from tests.kill.load import AT_ONCE, RETRIES, Load
from tests.kill.program import Program
from tests.kill.several import LEASE_SECONDS, Several, start_several

log = logging.getLogger(__name__)

pytestmark = pytest.mark.slow

VMS = 80
END_SECONDS_MAX = 60.0


@pytest.fixture
def by(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """By what the controllers know of each other: the store, or a real ZooKeeper ensemble."""
    if request.param == "store":
        yield ()
        return
    servers = ensemble_in(tmp_path / "ensemble")
    try:
        asyncio.run(servers.start())
        yield ("--coordination", f"zookeeper://{servers.hosts}/photon")
    finally:
        servers.end()


@pytest.fixture
async def several(tmp_path: Path, by: tuple[str, ...]) -> AsyncIterator[Several]:
    several = await start_several(tmp_path, 3, by)
    try:
        yield several
    finally:
        await several.end()
    for controller in several.controllers:
        log.warning("the end of a controller's log:\n%s", controller.last_words())


@pytest.mark.parametrize("by", ["store", "zookeeper"], indirect=True)
async def test_one_is_killed_and_one_is_frozen_and_every_task_ends_once(several: Several) -> None:
    killed, frozen, heir = several.controllers
    async with AsyncClient(several.balancer.url, Settings(retries_max=RETRIES)) as client:
        await _check_status(client)
        load = Load(client, several.seeded, Random(1))
        async with asyncio.TaskGroup() as both:
            both.create_task(load.run(VMS))
            both.create_task(_take_away(load, killed, frozen))
        log.warning("done: %s; failed: %s", load.operations(), load.failed)
        assert load.failed == []
        listed = {vm.id async for vm in client.vms.list(several.seeded.project_id)}
        assert load.vms <= listed
        assert not load.deleted & listed
    # It was declared dead while it was frozen: it stopped by itself, and says so.
    assert await _ended(frozen) == 1
    assert "it stops" in frozen.words()
    assert await heir.stop() == 0
    assert await several.audited() == (0, [], 0)


async def _check_status(client: AsyncClient) -> None:
    parts = {part.component: part for part in (await client.system.status()).components}
    controllers = parts["PHOTON_CONTROLLER"].instances
    assert [one.stats["name"] for one in controllers] == ["c1", "c2", "c3"]
    led = ",".join(one.stats["offices"] for one in controllers).split(",")
    assert sorted(filter(None, led)) == ["chairman", "housekeeper"], "each by one of them"
    assert parts["CLOUD_STORE"].status == "READY"
    assert parts["AGENT"].instances[0].stats["hosts"] == str(HOSTS_SERVED)


async def _take_away(load: Load, killed: Program, frozen: Program) -> None:
    await load.acknowledged(VMS // 3)
    await killed.kill()
    await load.acknowledged(VMS)
    frozen.signal(signal.SIGSTOP)
    await asyncio.sleep(2.5 * float(LEASE_SECONDS))
    frozen.signal(signal.SIGCONT)


async def _ended(program: Program) -> int:
    async with asyncio.timeout(END_SECONDS_MAX):
        return await program.ended()


@pytest.mark.parametrize("by", ["store"], indirect=True)
async def test_all_are_restarted_one_after_the_other_and_no_call_fails(several: Several) -> None:
    """The client tries nothing twice: what a balancer does must be enough."""
    async with AsyncClient(several.balancer.url, Settings(retries_max=0)) as client:
        load = Load(client, several.seeded, Random(2))
        restarting = asyncio.create_task(_restart_each(several.controllers))
        while not restarting.done():
            await load.run(AT_ONCE)
        await restarting
        log.warning("done: %s; failed: %s", load.operations(), load.failed)
        assert load.failed == []
    for controller in several.controllers:
        assert await controller.stop() == 0
    assert await several.audited() == (0, [], 0)


async def _restart_each(controllers: list[Program]) -> None:
    for controller in controllers:
        assert await controller.stop() == 0
        await controller.start()


async def test_a_second_controller_on_an_embedded_store_is_refused_in_words(
    tmp_path: Path,
) -> None:
    arguments = ("--data-dir", str(tmp_path / "data"), "--listen", ANY_PORT)
    first = Program("photon.controller", tmp_path / "log", *arguments)
    await first.start()
    try:
        command = [sys.executable, "-m", "photon.controller", *arguments]
        second = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
    finally:
        await first.end()
    assert second.returncode == 1
    assert "is in use by process" in second.stderr
    assert "Stop that controller first" in second.stderr
