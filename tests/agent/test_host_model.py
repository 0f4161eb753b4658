"""A whole host against a plain model, through creates, deletes, restarts, and calls that come late.

The model knows what a control plane may rely on: which guests are there, in which state, by which
fence; what the modes refuse; and that nothing is held but what is there.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from photon.agent.drivers.simulated_site import HostShape
from photon.agent.host import AgentHost
from photon.agent.journal import MemoryJournal
from photon.agent.simulation import Simulation
from photon.domain.guest import AgentRefusal, GuestState, HostMode, PowerOp, Refusal
from tests.agent.conftest import HandClock, a_provision, a_spec, start

SHAPE = HostShape(cpus=4, memory_mib=4096, datastore_gib=6)
VM_IDS = st.sampled_from(["vm-a", "vm-b", "vm-c"])
FENCES = st.integers(1, 12)


@dataclass
class Modelled:
    state: GuestState
    cpus: int
    fence: int


class HostMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = MemoryJournal()
        self.clock = HandClock()
        self.guests: dict[str, Modelled] = {}
        self.graves: dict[str, int] = {}
        self.mode = HostMode.NORMAL
        self.open()
        self.run(self.simulation.hosts.provision(a_provision()))

    def teardown(self) -> None:
        self.runner.close()
        self.folder.cleanup()

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    def open(self) -> None:
        starting = start(self.journal, Path(self.folder.name), self.clock, hosts=1, shape=SHAPE)
        self.simulation: Simulation = self.run(starting)

    @property
    def host(self) -> AgentHost:
        return self.simulation.hosts.by_address["sim-00001"]

    def refusal(self, call: Coroutine[Any, Any, Any]) -> AgentRefusal | None:
        try:
            self.run(call)
        except Refusal as refusal:
            return refusal.code
        return None

    @rule(vm_id=VM_IDS, fence=FENCES, cpus=st.integers(1, 3))
    def create(self, vm_id: str, fence: int, cpus: int) -> None:
        said = self.refusal(self.host.create_vm(fence, a_spec(vm_id, cpus=cpus)))
        there = self.guests.get(vm_id)
        if fence < (there.fence if there else 0) or fence <= self.graves.get(vm_id, -1):
            assert said is AgentRefusal.STALE_FENCE
        elif there is not None and there.cpus != cpus:
            assert said is AgentRefusal.ALREADY_EXISTS
        elif there is not None:
            assert said is None
            there.fence = fence
        elif self.mode is not HostMode.NORMAL:
            assert said is AgentRefusal.WRONG_MODE
        elif cpus + sum(guest.cpus for guest in self.guests.values()) > SHAPE.cpus:
            assert said is AgentRefusal.NOT_ENOUGH_CPU
        else:
            assert said is None
            self.guests[vm_id] = Modelled(GuestState.STOPPED, cpus, fence)

    @rule(vm_id=VM_IDS, fence=FENCES, force=st.booleans())
    def delete(self, vm_id: str, fence: int, force: bool) -> None:
        said = self.refusal(self.host.delete_vm(fence, vm_id, force=force))
        there = self.guests.get(vm_id)
        if there is not None and fence < there.fence:
            assert said is AgentRefusal.STALE_FENCE
            return
        if there is not None and there.state is not GuestState.STOPPED and not force:
            assert said is AgentRefusal.NOT_POWERED_OFF
            return
        assert said is None
        self.guests.pop(vm_id, None)
        self.graves[vm_id] = max(fence, self.graves.get(vm_id, 0))
        if self.mode is HostMode.ENTERING_MAINTENANCE and there is not None and not self.guests:
            self.mode = HostMode.MAINTENANCE

    @rule(vm_id=VM_IDS, fence=FENCES, op=st.sampled_from([PowerOp.START, PowerOp.STOP]))
    def power(self, vm_id: str, fence: int, op: PowerOp) -> None:
        said = self.refusal(self.host.power_vm(fence, vm_id, op))
        there = self.guests.get(vm_id)
        if there is None:
            assert said is AgentRefusal.VM_NOT_FOUND
        elif fence < there.fence:
            assert said is AgentRefusal.STALE_FENCE
        else:
            assert said is None
            there.fence = fence
            started = op is PowerOp.START
            there.state = GuestState.STARTED if started else GuestState.STOPPED

    @rule(mode=st.sampled_from([HostMode.NORMAL, HostMode.ENTERING_MAINTENANCE]))
    def set_mode(self, mode: HostMode) -> None:
        self.run(self.host.set_mode(1, mode))
        empty = mode is HostMode.ENTERING_MAINTENANCE and not self.guests
        self.mode = HostMode.MAINTENANCE if empty else mode

    @rule()
    def restart(self) -> None:
        self.open()

    @precondition(lambda self: self.mode is HostMode.NORMAL)
    @rule(vm_id=VM_IDS)
    def fail_a_create(self, vm_id: str) -> None:
        """A failed create changes nothing, whatever its fence."""
        if vm_id in self.guests:
            return
        faults = self.simulation.drivers["sim-00001"].faults
        faults.creates_to_fail = 1
        assert self.refusal(self.host.create_vm(100, a_spec(vm_id))) in (
            AgentRefusal.DRIVER_FAILED,
            AgentRefusal.NOT_ENOUGH_CPU,
        )
        faults.creates_to_fail = 0

    @invariant()
    def the_host_is_as_the_model(self) -> None:
        inventory = self.run(self.host.inventory())
        assert inventory.mode is self.mode
        assert {
            guest.vm_id: Modelled(guest.state, guest.cpus, guest.fence)
            for guest in inventory.guests
        } == self.guests
        held_gib = SHAPE.datastore_gib - inventory.capacity.datastores[0].free_gib
        assert held_gib == len(self.guests)


HostMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestHost = HostMachine.TestCase
