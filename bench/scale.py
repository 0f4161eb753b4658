"""What a cloud costs as it grows: the same requests at 0, 10,000, 100,000 and a million VMs.

The VMs that are created while it measures are made through the API. All others, and the hosts, are
put there in bulk before (bench.prefill), while the programs are stopped: so each level also shows
what a start costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import uvloop

from bench.cloud import CloudShape, Programs, bench_folder, say, seed
from bench.create import CreateLoad
from bench.failure import BenchFailed
from bench.prefill import Prefill
from bench.scale_probe import Asked, Level, Probe
from photon.sdk.client import Client

STEPS = (0, 10_000, 100_000, 1_000_000)  # and the largest that was asked for


class Scale(msgspec.Struct):
    """`filled`: how what is not measured came to be."""

    operation: str
    hosts: int
    agents: int
    filled: str
    levels: list[Level]


FILLED = "hosts and VMs in bulk, as copies of some that were made through the API"


def run(asked: Asked) -> Scale:
    shape = CloudShape(asked.hosts, asked.agents)
    with TemporaryDirectory(dir=bench_folder()) as folder:
        programs = Programs(Path(folder), shape, remembering=True)
        try:
            levels = list(_levels(programs, shape, asked))
        finally:
            programs.stop()
    return Scale("scale", asked.hosts, len(shape.parts()), FILLED, levels)


def _levels(programs: Programs, shape: CloudShape, asked: Asked) -> Iterator[Level]:
    programs.start()
    probe, vm_id = _first_vm(programs, shape)
    programs.stop()
    journals = [(programs.state_dir(first), first, count) for first, count in shape.parts()]
    prefill = Prefill(programs.store_path, journals)
    say(f"filling in bulk: {shape.hosts:,} hosts")
    asyncio.run(prefill.hosts())
    there = 1
    for step in _steps(asked.vms_max):
        if step > there:
            say(f"filling in bulk: {step - there:,} VMs")
            asyncio.run(prefill.vms(vm_id, step - there))
            there = step
        level = asyncio.run(probe.level(prefill.filled, there, asked))
        there += asked.creates
        yield level
        programs.stop()


def _steps(vms_max: int) -> list[int]:
    return sorted({vms_max, *(step for step in STEPS if step <= vms_max)})


def _first_vm(programs: Programs, shape: CloudShape) -> tuple[Probe, str]:
    """One host of each agent and one VM, through the API: what is filled in is copied from them."""
    seeds = programs.seeds()
    firsts = [seeds[first - 1] for first, _ in shape.parts()]
    with Client(f"http://{programs.at[0]}:{programs.at[1]}") as client:
        seeded = seed(client, programs.place, firsts[0], more=firsts[1:])
    probe = Probe(programs, seeded, shape.hosts)
    load = CreateLoad(probe.cloud(), 1, lines=1)
    uvloop.run(load.run())
    if not load.vm_ids:
        raise BenchFailed(f"The first VM could not be made. {load.tally.problem}")
    return probe, load.vm_ids[0]
