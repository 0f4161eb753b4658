"""Starts a cloud of some size and measures it: start, rest, pages, point reads, creates, memory."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.cloud import BenchCloud, Programs, say, spent
from bench.create import CreateLoad
from bench.failure import BenchFailed
from bench.http_load import HttpLine
from bench.prefill import Filled
from bench.result import percentile
from photon.devbox.seed import Seeded

PAGE_SIZE = 100
PAGES_READ = 100  # A tick of the kernel's clock is 10 ms: so many make it 0.1 ms a page.
POINTS_READ = 2_000
SAMPLED = 50  # of them: looked at more closely
# A cloud is at rest when its controller uses less than this for some seconds on end.
REST_SHARE = 0.1
REST_SECONDS = 2.0
REST_SECONDS_MAX = 900.0  # The tour of a million guests took a minute or two.


@dataclass(frozen=True, slots=True)
class Asked:
    """`creates` and `idle_seconds` are of each level."""

    hosts: int
    agents: int
    vms_max: int
    creates: int
    idle_seconds: float


class Level(msgspec.Struct):
    """What was measured with so many VMs. CPU is the controller's, unless another is named."""

    vms: int
    hosts: int
    listening_seconds: float  # from the controller's start to its first answer
    rest_seconds: float  # ... and until it has heard of all hosts and rests
    start_cpu_seconds: float
    idle_percent: float  # of a core, while nobody asks for anything
    idle_agents_percent: float
    page_us: dict[str, float]
    get_us: float
    create_us: float
    create_p50_ms: float
    controller_mib: float  # at rest, after all of this
    agents_mib: float


class _Page(msgspec.Struct, rename="camel"):
    items: list[dict[str, object]]
    next_page_link: str | None = None


class _Vm(msgspec.Struct):
    state: str


_decode_vm = msgspec.json.Decoder(_Vm).decode
_decode_page = msgspec.json.Decoder(_Page).decode


class Probe:
    def __init__(self, programs: Programs, seeded: Seeded, hosts: int) -> None:
        self._programs = programs
        self._seeded = seeded
        self._hosts = hosts

    def cloud(self) -> BenchCloud:
        programs = self._programs
        return BenchCloud(programs.ats, programs.processes(), programs.store_path, self._seeded, ())

    async def level(self, filled: Filled, vms: int, asked: Asked) -> Level:
        """Starts all programs; the caller stops them."""
        say(f"{vms:,} VMs: starting")
        began = time.perf_counter()
        self._programs.start_agents()
        agents_ready = time.perf_counter()
        self._programs.start_controller()
        listening = time.perf_counter() - agents_ready
        say(f"agents after {agents_ready - began:.1f} s, controller after {listening:.1f} s")
        await self._rest()
        rested = time.perf_counter() - agents_ready
        controller = self._programs.controller
        start_cpu = controller.cpu_seconds()
        say(f"at rest after {rested:.1f} s")
        before, at = self._cpu(), time.perf_counter()
        await asyncio.sleep(asked.idle_seconds)
        idle, idle_agents = [
            (after - earlier) / (time.perf_counter() - at) * 100
            for earlier, after in zip(before, self._cpu(), strict=True)
        ]
        line = HttpLine(*self._programs.at)
        await line.open()
        pages = await self._pages(line, filled.vm_ids)
        get_us = await self._points(line, filled.vm_ids)
        await line.close()
        say("creating")
        create_us, p50_ms = await self._creates(asked.creates, vms)
        await self._rest()
        return Level(
            vms=vms,
            hosts=self._hosts,
            listening_seconds=round(listening, 2),
            rest_seconds=round(rested, 2),
            start_cpu_seconds=round(start_cpu, 2),
            idle_percent=round(idle, 2),
            idle_agents_percent=round(idle_agents, 2),
            page_us=pages,
            get_us=get_us,
            create_us=create_us,
            create_p50_ms=p50_ms,
            controller_mib=round(controller.resident_mib(), 1),
            agents_mib=round(sum(agent.resident_mib() for agent in self._programs.agents), 1),
        )

    def _cpu(self) -> tuple[float, float]:
        """Of the controller, and of all agents."""
        agents = sum(agent.cpu_seconds() for agent in self._programs.agents)
        return self._programs.controller.cpu_seconds(), agents

    async def _rest(self) -> None:
        """Returns at the end of REST_SECONDS in which the controller hardly did anything."""
        controller, waited = self._programs.controller, 0.0
        while waited < REST_SECONDS_MAX:
            before = controller.cpu_seconds()
            await asyncio.sleep(REST_SECONDS)
            waited += REST_SECONDS
            if controller.cpu_seconds() - before < REST_SHARE * REST_SECONDS:
                return
        raise BenchFailed(f"The controller did not come to rest in {REST_SECONDS_MAX:.0f} s.")

    async def _pages(self, line: HttpLine, vm_ids: Sequence[str]) -> dict[str, float]:
        """Of one list, at its beginning, in its middle and at its end; and found by a name."""
        if len(vm_ids) < PAGE_SIZE:
            return {}
        list_path = f"/v1/projects/{self._seeded.project_id}/vms?pageSize={PAGE_SIZE}"
        first = await _page(line, list_path)
        places = {"first": list_path}
        if first.next_page_link is not None:
            middle, late = vm_ids[len(vm_ids) // 2], vm_ids[-PAGE_SIZE - 1]
            places["middle"] = _relinked(first.next_page_link, middle)
            places["last"] = _relinked(first.next_page_link, late)
        places["by name"] = f"{list_path}&name=fill-{len(vm_ids) // 2}"
        found: dict[str, float] = {}
        for name, path in places.items():
            found[name] = await self._each_us(line, [path] * PAGES_READ)
        return found

    async def _points(self, line: HttpLine, vm_ids: Sequence[str]) -> float:
        """VMs from everywhere, so that most are in no cache of the process."""
        if not vm_ids:
            return 0.0
        step = 7919  # a prime: far apart, and each another one
        ids = [vm_ids[number * step % len(vm_ids)] for number in range(POINTS_READ)]
        for vm_id in ids[:SAMPLED]:
            await _check_vm(line, vm_id)
        return await self._each_us(line, [f"/v1/vms/{vm_id}" for vm_id in ids])

    async def _each_us(self, line: HttpLine, paths: Sequence[str]) -> float:
        before = self._programs.controller.cpu_seconds()
        for path in paths:
            status, answer = await line.ask("GET", path)
            if status != 200:
                raise BenchFailed(f"GET {path} was answered {status}: {answer[:200]!r}")
        used = self._programs.controller.cpu_seconds() - before
        return round(used / len(paths) * 1e6, 1)

    async def _creates(self, count: int, vms: int) -> tuple[float, float]:
        cloud = self.cloud()
        load = CreateLoad(cloud, count, lines=64, prefix=f"level-{vms}")
        before = cloud.cpu_seconds()
        await load.run()
        used = spent(before, cloud.cpu_seconds())
        if load.tally.errors:
            raise BenchFailed(f"{load.tally.errors} creates failed. {load.tally.problem}")
        ordered = sorted(load.tally.latencies_ms)
        return round(used["controller-1"] / count * 1e6, 1), round(percentile(ordered, 0.5), 1)


async def _check_vm(line: HttpLine, vm_id: str) -> None:
    """That its host really has what was filled in: else its audit would have found the VM lost."""
    _, answer = await line.ask("GET", f"/v1/vms/{vm_id}")
    state = _decode_vm(answer).state
    if state != "STOPPED":
        raise BenchFailed(f"The VM {vm_id} is {state}, though it was filled in as STOPPED.")


async def _page(line: HttpLine, path: str) -> _Page:
    status, answer = await line.ask("GET", path)
    if status != 200:
        raise BenchFailed(f"GET {path} was answered {status}: {answer[:200]!r}")
    return _decode_page(answer)


def _relinked(link: str, after: str) -> str:
    """The same list from another place: what the link of that place's page would be."""
    path, _, opaque = link.partition("=")
    parts = msgspec.json.decode(base64.urlsafe_b64decode(opaque + "=="))
    parts[2] = after
    again = base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()
    return f"{path}={again}"
