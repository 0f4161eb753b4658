"""Hosts registered and provisioned through the API, as fast as they can be."""

from __future__ import annotations

import time

import uvloop

from bench.cloud import CloudShape, bench_cloud, spent
from bench.registration import RegistrationLoad
from bench.result import Measured


def run(*, hosts: int, agents: int, lines: int) -> tuple[Measured, str]:
    """What was measured, and what the first error said."""
    # One is there already: the image needs it.
    with bench_cloud(CloudShape(hosts + 1, agents), register=False) as cloud:
        load = RegistrationLoad(cloud.at, cloud.seeds, lines)
        cpu, revision, began = cloud.cpu_seconds(), cloud.revision(), time.perf_counter()
        uvloop.run(load.run())
        seconds = time.perf_counter() - began
        used, commits = spent(cpu, cloud.cpu_seconds()), cloud.commits_since(revision)
    tally = load.tally
    measured = Measured("register", tally.latencies_ms, seconds, used, commits, tally.errors)
    return measured, tally.problem
