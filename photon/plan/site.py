"""Which simulated agent has which of a plan's hosts: those that share a fate share an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from photon.agent.drivers.simulated_site import Latencies
from photon.plan.hosts import HostPlan, PlannedHost
from photon.plan.kinds import AGENT, drilled_host
from photon.plan.workload import WorkloadPlan
from photon.scheduler.policy import Policy
from photon.scheduler.shape import LEAF_HOSTS_MAX
from photon.simulation.world import Size

# Up to so many hosts each has an agent of its own, as in earnest; with more, polls that never end
# would be most of the simulation's work.
HOSTS_ALONE_MAX: Final = 40
# One way to the store's server, as to one in the same room: while a commit is under way, others
# gather, and are written together. Without it each would be by itself, which no store does.
STORE_SECONDS: Final = (0.001, 0.002)
# How many VMs, or hosts, are asked for at a time: as by an operator's script, and many such in a
# large cloud. What all of them wait for is simulated once.
AT_ONCE_MIN: Final = 32
AT_ONCE_MAX: Final = 512
HOSTS_A_CALL: Final = 4
AGENT_HOSTS_MAX: Final = 250  # One agent's report tells of so many without being cut into parts.


def size_of(hosts: HostPlan, workload: WorkloadPlan) -> Size:
    """The world in which the plan is played."""
    times = hosts.times
    return Size(
        controllers=hosts.controllers,
        hosts=len(hosts.hosts),
        leaf_hosts=LEAF_HOSTS_MAX,
        latencies=Latencies(
            create_vm=times.create, delete_vm=times.delete, fetch_image=times.image
        ),
        equipment={host.address: host.capacity() for host in hosts.hosts},
        agents=agents_of(hosts, workload),
        policy=Policy(failover_share=hosts.failover_share),
        ensemble=False,  # What controllers agree through makes no difference to a plan.
    )


def at_once(hosts: HostPlan) -> int:
    """How much is asked for at a time."""
    return min(AT_ONCE_MAX, max(AT_ONCE_MIN, len(hosts.hosts) // HOSTS_A_CALL))


def agents_of(hosts: HostPlan, workload: WorkloadPlan) -> Mapping[str, Sequence[str]]:
    """Addresses by agent. What dies, is cut off or returns is always a number of whole agents."""
    if len(hosts.hosts) <= HOSTS_ALONE_MAX:
        return {f"agent-{host.address}": [host.address] for host in hosts.hosts}
    events = [frozenset(hosts.addresses(each.kind, each.name)) for each in workload.events]
    if AGENT in workload.drills:
        events.append(frozenset({drilled_host(hosts)}))
    fates: dict[tuple[object, ...], list[str]] = {}
    for host in hosts.hosts:
        fates.setdefault(_fate(host, events), []).append(host.address)
    agents = [
        addresses[start : start + AGENT_HOSTS_MAX]
        for addresses in fates.values()
        for start in range(0, len(addresses), AGENT_HOSTS_MAX)
    ]
    return {f"agent-{number + 1}": addresses for number, addresses in enumerate(agents)}


def _fate(host: PlannedHost, events: Sequence[frozenset[str]]) -> tuple[object, ...]:
    return (host.zone, host.rack, *(host.address in event for event in events))
