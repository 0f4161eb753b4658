"""Lets parts fail under load, one after the other, and measures what clients noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.drills import Drill
from photon.devbox.ha.load import TASK_SECONDS_MAX, Load
from photon.devbox.seed import Seeded
from photon.outside.clock import RealClock
from photon.sdk.nouns.system import audit_of

WARM_SECONDS: Final = 2.0  # Of load before something fails, and after all is well.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What clients noticed of a drill. `wrong` must be empty."""

    drill: Drill
    writes_pause_seconds: float
    reads_pause_seconds: float
    writes_failed: Sequence[str]
    reads_failed: Sequence[str]
    made: int
    well_seconds: float  # from the harm until every part was well again
    wrong: Sequence[str]


async def run(cloud: HaCloud, seeded: Seeded, drills: Iterable[Drill]) -> list[Outcome]:
    """One after the other, each on a cloud that is well."""
    outcomes = []
    for drill in drills:
        outcome = await _one(cloud, seeded, drill)
        outcomes.append(outcome)
        cloud.say(
            f"{drill.name}: writes paused {outcome.writes_pause_seconds:.1f} s, reads "
            f"{outcome.reads_pause_seconds:.1f} s; {outcome.made} VMs acknowledged, "
            f"{'; '.join(outcome.wrong) or 'all there, audit clean'}"
        )
    return outcomes


async def _one(cloud: HaCloud, seeded: Seeded, drill: Drill) -> Outcome:
    clock = RealClock()
    load = Load(cloud.layout.api_url, str(cloud.layout.ca_file), seeded, clock)
    try:
        load.start(drill.name)
        await clock.sleep(WARM_SECONDS)
        harmed_at = clock.monotonic()
        harmed = await asyncio.to_thread(drill.harm, cloud)
        await asyncio.to_thread(drill.mend, cloud, harmed)
        if ended := await asyncio.to_thread(cloud.start_ended):
            cloud.say(f"{drill.name}: {', '.join(ended)} ended, and is started again")
        await asyncio.to_thread(cloud.wait_well)
        well_seconds = clock.monotonic() - harmed_at
        await clock.sleep(WARM_SECONDS)
        await load.stop()
        wrong = [f"{len(missing)} VMs are gone" for missing in [await load.missing()] if missing]
        wrong += await asyncio.to_thread(_audited, cloud)
        await load.clear()
    finally:
        await load.close()
    return Outcome(
        drill,
        load.writes.pause_seconds(harmed_at),
        load.reads.pause_seconds(harmed_at),
        load.writes.failed,
        load.reads.failed,
        len(load.made),
        well_seconds,
        wrong,
    )


def _audited(cloud: HaCloud) -> list[str]:
    """What `photon audit` finds."""
    with cloud.client() as client:
        task = client.tasks.wait(client.system.audit().id, TASK_SECONDS_MAX)
        return [f"{each.invariant} {each.id}: {each.problem}" for each in audit_of(task).findings]


def table(outcomes: Iterable[Outcome]) -> Iterable[str]:
    """As docs/how-to/operate.md shows it."""
    yield "| what fails | writes pause | reads pause | writes, reads failed | all well after |"
    yield "| --- | --- | --- | --- | --- |"
    for each in outcomes:
        yield (
            f"| {each.drill.what} | {each.writes_pause_seconds:.1f} s "
            f"| {each.reads_pause_seconds:.1f} s "
            f"| {len(each.writes_failed)}, {len(each.reads_failed)} "
            f"| {each.well_seconds:.0f} s |"
        )
