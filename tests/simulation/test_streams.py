"""Streams over the simulated network: by the production's protocol, with all that a socket has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from photon.api.watching import DRAIN_SECONDS, HEARTBEAT_SECONDS
from photon.domain.zone import Zone
from photon.simulation.transport import HTTP_UNREAD_BYTES_MAX
from photon.simulation.ways import SimulatedWay
from photon.simulation.world import Size, World, play
from photon.store.nouns import ZONES
from photon.store.protocol import Insert
from photon.workload.followed import Events, Told
from photon.workload.way import SILENT_SECONDS, Lost, Refused

SMALL = Size(controllers=2, hosts=4, leaf_hosts=2)
PATH = "/v1/zones?watch=true"
NAME_LENGTH = 500
MANY = 4 * HTTP_UNREAD_BYTES_MAX // NAME_LENGTH


class Reader:
    """Reads one stream until it is lost; `gate` closed: it reads nothing."""

    def __init__(self, world: World, controller: int, path: str = PATH) -> None:
        self._way = SimulatedWay(world, controller)
        self._path = path
        self._loop = world.loop
        self.heard: list[Told] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.lost_at: float | None = None
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        events = Events()
        try:
            async with aclosing(self._way.watch(self._path, {})) as pieces:
                async for piece in pieces:
                    self.heard += events.take(piece)
                    await self.gate.wait()
        except Lost:
            self.lost_at = self._loop.time()

    @property
    def names(self) -> list[str]:
        return [told.item["name"] for told in self.heard if told.item is not None]


HEARD_SECONDS = 2.0  # By then every controller has looked at the feed.


async def write(world: World, *names: str) -> None:
    for name in names:
        await world.store.commit([Insert(ZONES, Zone(f"zone-{name}", name))])


def test_what_is_committed_is_told_and_then_signs_of_life() -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        await write(world, "a", "b")
        await asyncio.sleep(2.0)
        assert reader.names == ["a", "b"]
        assert [told.kind for told in reader.heard] == ["started", "changed", "changed"]
        pieces = len(reader.heard)
        await asyncio.sleep(2 * HEARTBEAT_SECONDS)
        signs = reader.heard[pieces:]
        assert [told.kind for told in signs] == ["", ""], "a silent stream does no more than that"
        reader.task.cancel()

    play(1, SMALL, scene)


@pytest.mark.parametrize(
    ("fault", "seconds_max"),
    [
        (lambda world: world.controllers[0].crash(), 1.0),
        (lambda world: world.controllers[0].crash(silently=True), SILENT_SECONDS + 1.0),
        (lambda world: world.controllers[0].freeze(), SILENT_SECONDS + 1.0),
        (lambda world: world.network.reset("client"), 1.0),
        (
            lambda world: world.network.conditions.partition([["client"], ["controller-1"]]),
            SILENT_SECONDS + 1.0,
        ),
    ],
    ids=["crash", "without power", "freeze", "reset", "partition"],
)
def test_a_stream_is_lost_with_what_it_hangs_on(
    fault: Callable[[World], None], seconds_max: float
) -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        began = world.loop.time()
        fault(world)
        await asyncio.sleep(seconds_max)
        assert reader.lost_at is not None
        assert reader.lost_at - began <= seconds_max
        # And goes on at another one, from where it was.
        other = Reader(world, 1, f"{PATH}&since={reader.heard[-1].position}")
        await write(world, "a")
        await asyncio.sleep(2.0)
        assert other.names == ["a"]
        other.task.cancel()

    play(1, SMALL, scene)


def test_who_reads_nothing_is_cut_off_and_misses_nothing() -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        await write(world, "first")
        await asyncio.sleep(1.0)
        reader.gate.clear()
        names = [f"{n:0>{NAME_LENGTH}}" for n in range(MANY)]
        for name in names:
            await write(world, name)
            await asyncio.sleep(0.1)
        await asyncio.sleep(HEARTBEAT_SECONDS + DRAIN_SECONDS + 5.0)
        program = world.controllers[0].program
        assert program is not None
        assert program._watches.count == 0, "it is cut off"
        assert not any(end.writer_waits for end in world.network.ends())
        reader.gate.set()
        await asyncio.sleep(1.0)
        assert reader.lost_at is not None
        assert 1 < len(reader.names) < 1 + MANY
        other = Reader(world, 1, f"{PATH}&since={reader.heard[-1].position}")
        await asyncio.sleep(2.0)
        assert reader.names + other.names == ["first", *names]
        other.task.cancel()

    play(1, SMALL, scene)


def test_who_disconnects_leaves_nothing_behind() -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        program = world.controllers[0].program
        assert program is not None
        assert program._watches.count == 1
        reader.task.cancel()
        await asyncio.sleep(1.0)
        assert program._watches.count == 0
        assert not [end for end in world.network.ends() if end.process.name == "client"]

    play(1, SMALL, scene)


def test_what_cannot_be_watched_is_refused_with_words() -> None:
    async def scene(world: World) -> None:
        await world.start()
        with pytest.raises(Refused) as refused:
            await anext(SimulatedWay(world, 0).watch(f"{PATH}&since=99999", {}))
        assert refused.value.answer.status == 410
        assert b"list again" in refused.value.answer.body

    play(1, SMALL, scene)


def test_who_was_away_for_longer_than_the_feed_reaches_back_lists_again() -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        reader.task.cancel()
        await write(world, *"abcdefgh")
        await asyncio.sleep(HEARD_SECONDS)
        await world.store_server.trim(2)
        path = f"{PATH}&since={reader.heard[-1].position}"
        with pytest.raises(Refused) as refused:
            await anext(SimulatedWay(world, 1).watch(path, {}))
        assert b"RevisionGone" in refused.value.answer.body
        oldest = world.store_server.trimmed
        assert f'"oldest":"{oldest}"'.encode() in refused.value.answer.body
        other = Reader(world, 1, f"{PATH}&since={oldest}")
        await asyncio.sleep(1.0)
        assert other.names == ["g", "h"]
        other.task.cancel()

    play(1, SMALL, scene)


def test_who_rests_while_the_feed_is_trimmed_is_told_so_in_the_stream() -> None:
    async def scene(world: World) -> None:
        await world.start()
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        reader.gate.clear()
        for n in range(4 * MANY):
            await write(world, f"{n:0>{NAME_LENGTH}}")
            await asyncio.sleep(0.05)
        await asyncio.sleep(HEARD_SECONDS)
        await world.store_server.trim(1)
        reader.gate.set()
        await asyncio.sleep(2.0)
        assert reader.heard[-1].kind == "gone"
        assert reader.heard[-1].revision == world.store_server.trimmed
        assert reader.lost_at is not None

    play(1, SMALL, scene)


def test_a_controller_that_missed_what_is_forgotten_begins_anew() -> None:
    """What it remembers may be wrong: it stops by itself, and its next life reads everything."""

    async def scene(world: World) -> None:
        await world.start()
        controller, service = world.controllers[0], world.store_server.service
        before = controller.lives
        service.cut(controller.name)
        await write(world, *"abcdefgh")
        await asyncio.sleep(HEARD_SECONDS)
        await world.store_server.trim(2)
        await asyncio.sleep(5.0)
        assert controller.lives == before, "it cannot know"
        service.mend(controller.name)
        await asyncio.sleep(60.0)
        assert controller.lives == before + 1
        assert controller.serving
        assert world.controllers[1].lives == 1, "who had heard all goes on"
        reader = Reader(world, 0)
        await asyncio.sleep(1.0)
        await write(world, "i")
        await asyncio.sleep(2.0)
        assert reader.names == ["i"]
        assert not world.loop.mishaps
        reader.task.cancel()

    play(1, Size(controllers=2, hosts=4, leaf_hosts=2, ensemble=True), scene)
