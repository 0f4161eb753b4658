"""One run: probes and load on a cloud that stands, faults upon it, and the judgement at the end."""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Protocol

from photon.chaos.attempts import Attempts
from photon.chaos.cloud import Cloud
from photon.chaos.cuts import CutFailed, Cuts
from photon.chaos.nemesis import Ended, Nemesis, NotWell
from photon.chaos.outcome import Breach
from photon.chaos.part import PartFailed
from photon.chaos.probes import Ground, Probes, impatient
from photon.chaos.recovery import Injected
from photon.chaos.schedule import Planned
from photon.outside.clock import Clock
from photon.sdk.client import AsyncClient, Settings
from photon.sdk.errors import SdkError
from photon.sdk.nouns.system import audit_of

AUDIT_SECONDS_MAX: Final = 120.0  # It looks again twice, after pauses of 13 s in all.
POLL_SECONDS: Final = 0.2
TELL_SECONDS: Final = 1.0  # How often somebody who looks on is told how far it is.
# An operation that a fault held up sends again after up to 15 s, and waits for its task.
END_SECONDS_MAX: Final = 180.0
# From when all is healed until nothing is amiss: hosts that are missing come back in a minute.
WHOLE_SECONDS_MAX: Final = 120.0


class Load(Protocol):
    """A mixed load, and the judge of its answers."""

    async def prepare(self) -> None: ...

    async def run(self) -> None:
        """Until `stop`, or until a promise is broken."""
        ...

    def stop(self) -> None:
        """Nothing new is begun; `run` returns when all that is under way has ended."""
        ...

    async def settle(self) -> None:
        """When all is healed: everything that was acknowledged is looked for, at each controller.

        Raises TimeoutError.
        """
        ...

    def breaches(self) -> Sequence[Breach]: ...

    def counts(self) -> dict[str, int]:
        """How many operations of each sort were begun."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    seconds: float
    faults: int
    operations: int
    failed: int
    breaches: int


@dataclass
class Run:
    """`say` is told the story, `tell` how far it is."""

    cloud: Cloud
    ground: Ground
    load: Load
    cuts: Cuts | None
    clock: Clock
    say: Callable[[str], None]
    tell: Callable[[Progress], None]
    injected: list[Injected] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    _breaches: list[Breach] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()
        self.attempts = Attempts(self.clock, self.started)

    @property
    def breaches(self) -> list[Breach]:
        return [*self._breaches, *self.load.breaches()]

    async def go(self, schedule: Iterator[Planned], seconds: float) -> None:
        """For so long from now; what is wrong is in `breaches`."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(impatient(self.cloud.url, self.cloud.ca_file))
            controllers = {
                name: await stack.enter_async_context(impatient(url))
                for name, url in self.cloud.controllers.items()
            }
            probes = Probes(client, controllers, self.ground, self.attempts, self.clock)
            await asyncio.gather(probes.prepare(), self.load.prepare())
            self.say("the cloud is under load")
            await self._break(probes, schedule, seconds)
            self._breaches += [Breach("READS_SEE_WRITES", text) for text in probes.stale]
        if self.breaches:
            return  # What else is wrong may be for the same reason, and would take long to find.
        self.say("no client works any more; all that was acknowledged is looked for")
        try:
            await self.load.settle()
        except TimeoutError:
            self._breaches.append(Breach("TASK_ENDS", "what was acknowledged is not told in time"))
        self.say("hosts and store are audited")
        await self._audit()

    async def _break(self, probes: Probes, schedule: Iterator[Planned], seconds: float) -> None:
        nemesis = Nemesis(self.cloud, self.cuts, self.clock, self.started, self.say, self._well)
        self.injected, self.ended = nemesis.injected, nemesis.ended
        loading = asyncio.create_task(self.load.run())
        beside = [
            asyncio.create_task(work) for work in (probes.run(), self._tell_again_and_again())
        ]
        breaking = asyncio.create_task(nemesis.run(schedule, self.attempts.now() + seconds))
        try:
            # A load that ends by itself has found something; a probe never ends.
            await asyncio.wait([breaking, loading, *beside], return_when=FIRST_COMPLETED)
            for task in beside:
                if task.done():
                    task.result()
            if breaking.done():
                await breaking
                self.say("all is healed; clients end what they are doing")
                await self._ended(loading)
        except* (NotWell, PartFailed, CutFailed) as failures:
            lack = await asyncio.to_thread(self.cloud.lacks)
            story = (*self.attempts.ill(), *([lack] if lack else []))
            self._breaches += [Breach("RECOVERS", str(each), story) for each in _leaves(failures)]
        finally:
            for task in (breaking, loading, *beside):
                task.cancel()
            await asyncio.gather(breaking, loading, *beside, return_exceptions=True)
        self._breaches += [
            Breach("RUNS_ON", f"{each.part} ended by itself", tuple(each.words.splitlines()))
            for each in self.ended
            if not each.excused
        ]

    async def _ended(self, loading: asyncio.Task[None]) -> None:
        self.load.stop()
        try:
            async with asyncio.timeout(END_SECONDS_MAX):
                await asyncio.shield(loading)
        except TimeoutError:
            text = f"operations are under way {END_SECONDS_MAX:g} s after all was healed"
            self._breaches.append(Breach("TASK_ENDS", text))

    async def _well(self) -> None:
        await self.attempts.well()
        while await asyncio.to_thread(self.cloud.lacks) is not None:
            await self.clock.sleep(POLL_SECONDS)

    async def _tell_again_and_again(self) -> None:
        while True:
            self.tell(self.progress())
            await self.clock.sleep(TELL_SECONDS)

    def progress(self) -> Progress:
        counts = self.load.counts()
        failed = sum(attempt.problem is not None for attempt in self.attempts.all)
        return Progress(
            self.attempts.now(),
            len(self.injected),
            sum(counts.values()) + len(self.attempts.all),
            failed,
            len(self.breaches),
        )

    async def _audit(self) -> None:
        """Until nothing is amiss: hosts come back, and duties mend what faults left behind."""
        last = "it was never answered"
        try:
            async with (
                asyncio.timeout(WHOLE_SECONDS_MAX),
                AsyncClient(self.cloud.url, Settings(ca_file=self.cloud.ca_file)) as client,
            ):
                while findings := await _findings(client):
                    last = "; ".join(findings)
                    self.say(f"an audit finds {len(findings)}: {findings[0]}")
        except (TimeoutError, SdkError) as error:
            self._breaches.append(Breach("AUDIT", f"{last} ({type(error).__name__} {error})"))


async def _findings(client: AsyncClient) -> list[str]:
    """What `photon audit` finds, but for what is known to be nobody's and waits to be removed."""
    task = await client.system.audit()
    audit = audit_of(await client.tasks.wait(task.id, AUDIT_SECONDS_MAX))
    orphans = {orphan.id async for orphan in client.system.orphans()}
    found = [
        f"{each.invariant} {each.problem}" for each in audit.findings if each.id not in orphans
    ]
    if audit.hosts_silent:
        found.append(f"{audit.hosts_silent} of {audit.hosts} hosts are silent")
    return found


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
