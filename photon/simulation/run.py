"""One run: a world, a load, faults, an auditor, and at the end a reckoning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final, TextIO

from photon.agent.drivers.simulated_site import HostShape
from photon.simulation.audit import Auditor
from photon.simulation.chance import Chance
from photon.simulation.invariants import Invariant
from photon.simulation.made import KNOWN_AT_ONCE_SECONDS
from photon.simulation.nemesis import Nemesis, NotServing
from photon.simulation.profiles import PROFILES, FaultKind, Profile
from photon.simulation.story import story
from photon.simulation.ways import SimulatedWay, site_of
from photon.simulation.world import Size, World, play
from photon.workload.broken import Broken
from photon.workload.history import Event
from photon.workload.site import Load, Site
from photon.workload.workload import Workload

SETTLE_SECONDS: Final = 10.0  # Until the first controllers have found each other.


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried. `profile` names the faults; `spared` are kinds that do not come."""

    seed: int
    steps: int = 200
    size: Size = field(default_factory=Size)
    profile: str = "hostile"
    load: Load = field(default_factory=Load)
    spared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`broken` None: all held. `seconds` are simulated; `kinds` of faults came."""

    trial: Trial
    broken: Broken | None
    story: list[str]
    steps: int
    seconds: float
    faults: int
    trace_hash: str
    kinds: frozenset[str] = frozenset()


def run(
    trial: Trial,
    on_step: Callable[[int], None] = lambda number: None,
    file: TextIO | None = None,
) -> Outcome:
    """Plays it from its seed; the same trial has the same outcome. `file` gets the whole trace."""
    scene = _Scene(trial, on_step)
    return play(trial.seed, _drawn(trial), scene.play, file)


def _drawn(trial: Trial) -> Size:
    """What hosts are like, if nobody said: small ones are full soon, and then refuse."""
    if trial.size.shape != HostShape():
        return trial.size
    random = Chance(trial.seed).stream("shape")
    shared = random.random() < 0.5
    shape = HostShape(
        cpus=random.choice((1, 4, 16)),
        memory_mib=random.choice((8, 16, 64)) << 10,
        # A small one that all hosts share is full soon, and then they race for what is left.
        datastore_gib=random.choice((16, 64, 4096)),
        networks=("VM Network", "Other Network"),
        datastore_shared=shared,
    )
    return replace(trial.size, shape=shape)


class _Scene:
    def __init__(self, trial: Trial, on_step: Callable[[int], None]) -> None:
        self._trial = trial
        self._on_step = on_step

    async def play(self, world: World) -> Outcome:
        auditor = Auditor(world)
        auditor.start()
        nemesis = Nemesis(world, self._profile())
        site = site_of(world)
        if FaultKind.TRIM_FEED in nemesis.profile.faults:
            site = replace(site, feed_reaches=0)
        load = self._make_load(world, site)
        auditor.hosts_are_reached = nemesis.profile.reaches_hosts
        if auditor.hosts_are_reached:
            auditor.mirror.whereabouts.known_seconds = KNOWN_AT_ONCE_SECONDS
        auditor.terms.only_hosts_fail = nemesis.profile.only_hosts_fail
        broken: Broken | None = None
        try:
            nemesis.prepare()
            await self._unless_found(auditor, self._whole(world, load, auditor, nemesis))
        except Broken as found:
            broken = found
        except NotServing as gone:
            broken = Broken(Invariant.BECOMES_QUIET, str(gone), *gone.names)
        told = [] if broken is None else story(broken, load.history, auditor.mirror, world.trace)
        auditor.close()
        return Outcome(
            self._trial,
            broken,
            told,
            load.steps,
            world.loop.time(),
            nemesis.faults,
            world.trace.hash(),
            frozenset(nemesis.kinds),
        )

    def _profile(self) -> Profile:
        trial = self._trial
        return PROFILES[trial.profile].without(frozenset(FaultKind(kind) for kind in trial.spared))

    def _make_load(self, world: World, site: Site) -> Workload:
        def told(event: Event) -> None:
            world.trace.say(event.who, said=event.text)

        load = Workload(
            [SimulatedWay(world, number) for number in range(len(world.controllers))],
            site,
            lambda name: world.chance.stream(f"workload/{name}"),
            world.clock,
            self._trial.load,
        )
        load.history.told = told
        return load

    async def _unless_found(self, auditor: Auditor, work: Coroutine[Any, Any, None]) -> None:
        """Until it is done, or the auditor has found something. Raises Broken."""
        working, watching = asyncio.create_task(work), asyncio.create_task(auditor.watch())
        either: tuple[asyncio.Future[Any], ...] = (working, auditor.found)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if auditor.found.done():
                raise auditor.found.result()
            await working
        finally:
            for task in (working, watching):
                task.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)

    async def _whole(
        self, world: World, load: Workload, auditor: Auditor, nemesis: Nemesis
    ) -> None:
        """Raises Broken."""
        await world.start()
        await asyncio.sleep(SETTLE_SECONDS)
        await load.prepare()
        nemesis.begin()
        await load.run(self._trial.steps, lambda number, what: self._on_step(number))
        await nemesis.end()
        # What is in doubt is asked about when no task is under way that nobody was told of.
        await auditor.become_quiet()
        await load.verify()
        auditor.check_mishaps()
