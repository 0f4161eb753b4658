"""Machines do not reach each other, or late."""

from __future__ import annotations

from photon.simulation.faults import Fault, Target, at_once


def partition(fault: Fault) -> Target | None:
    conditions = fault.world.network.conditions
    if conditions.groups:
        return None
    names = fault.names()
    fault.random.shuffle(names)  # a Random that was passed in
    cut = fault.random.randint(1, len(names) - 1)
    seconds = fault.seconds(1.0, 40.0)

    async def act() -> None:
        conditions.partition([names[:cut], names[cut:]])
        await fault.wait(seconds)
        conditions.partition([])

    told = {
        "seconds": seconds,
        "apart": "+".join(names[:cut] if 2 * cut < len(names) else names[cut:]),
    }
    return Target({}, act, told)


def cut_one_way(fault: Fault) -> Target | None:
    conditions = fault.world.network.conditions
    names = fault.names()
    source = fault.random.choice(names)
    target = fault.random.choice([name for name in names if name != source])
    pair, seconds = (source, target), fault.seconds(0.5, 20.0)

    async def act() -> None:
        conditions.one_way.add(pair)
        await fault.wait(seconds)
        conditions.one_way.discard(pair)

    return Target({}, act, {"source": source, "target": target, "seconds": seconds})


def slow_machine(fault: Fault) -> Target | None:
    slow = fault.world.network.conditions.slow
    name, seconds = fault.random.choice(fault.names()), fault.seconds(2.0, 20.0)
    by = fault.seconds(0.05, 3.0)

    async def act() -> None:
        slow[name] = by
        await fault.wait(seconds)
        slow.pop(name, None)

    return Target({}, act, {"machine": name, "by": by, "seconds": seconds})


def reset_connections(fault: Fault) -> Target | None:
    whose = fault.random.choice([None, *fault.names()])
    network = fault.world.network
    return Target({}, at_once(lambda: network.reset(whose)), {"whose": whose or "all"})
