"""After a restart, and across controllers, the scheduler knows who is a member of what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import msgspec
import pytest

from photon.domain.demand import Affinity, Demand, GroupRule, Placement
from photon.domain.membership import Membership
from photon.domain.orders.vm import CreateVm
from photon.domain.task import Task, TaskState
from photon.reconcilers.announcing import Announcer
from photon.reconcilers.group_watch import GroupWatch
from photon.scheduler.leaf import Leaf
from photon.scheduler.treetop import TreeTop
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import MEMBERSHIPS, NOUNS, TASKS
from photon.store.protocol import Delete, Insert, Update
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.scheduler.cloud import (
    TurnedClock,
    a_guest,
    a_leaf,
    a_view,
    an_inventory,
    placed,
    refused,
)
from tests.scheduler.test_groups import member

APART = GroupRule("red")
ZONES = {"h1": "z1", "h2": "z1", "h3": "z2"}


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    made = SqliteStore(MEMORY, NOUNS, TurnedClock(), SqliteOptions(durably=Inline()))
    yield made
    await made.close()


def a_top(*host_ids: str) -> TreeTop:
    """A controller's part of the tree: one leaf with these hosts, of which nothing was heard."""
    top = TreeTop(TurnedClock(), Random(1))
    top.build("leaf")
    top.open("leaf")
    for host_id in host_ids:
        top.seat(host_id, "leaf")
        top.put_host(a_view(host_id, zone_id=ZONES[host_id]))
    top.learn_zones(ZONES.get)
    return top


async def insert(store: SqliteStore, vm_id: str, host_id: str | None, *keys: str) -> None:
    await store.commit([Insert(MEMBERSHIPS, Membership(vm_id, keys, host_id))])


async def watched(store: SqliteStore, top: TreeTop) -> GroupWatch:
    watch = GroupWatch(store, top, TurnedClock())
    await watch.start()
    return watch


async def heard() -> None:
    """The watch has followed what was committed before: each turn of the loop does some of it."""
    for _ in range(20):
        await asyncio.sleep(0)


async def where(top: TreeTop, id: str, *rules: GroupRule) -> str:
    return placed(await top.root.place(member(id, "red", *rules))).host_id


async def test_after_a_restart_a_hard_rule_still_holds(store: SqliteStore) -> None:
    await insert(store, "vm-1", "h1", "red")
    top = a_top("h1", "h2")
    watch = await watched(store, top)
    top.report(an_inventory("h1", guests=[a_guest("vm-1", memory_mib=16, gib=0)]))
    top.report(an_inventory("h2"))
    assert await where(top, "vm-2", APART) == "h2"
    refused(await top.root.place(member("vm-3", "red", APART)))
    assert top.audit() == []
    await watch.close()


async def test_a_host_that_is_heard_late_still_has_its_members(store: SqliteStore) -> None:
    """However long after the start it is, a lease on what was announced would be over."""
    await insert(store, "vm-1", "h1", "red")
    clock = TurnedClock()
    top = TreeTop(clock, Random(1))
    top.build("leaf")
    top.open("leaf")
    top.seat("h1", "leaf")
    top.put_host(a_view("h1"))
    watch = await watched(store, top)
    clock.turn(100_000)
    top.report(an_inventory("h1", guests=[a_guest("vm-1", memory_mib=16, gib=0)]))
    refused(await top.root.place(member("vm-2", "red", APART)))
    await watch.close()


async def test_a_tag_that_a_vm_is_given_later_makes_it_a_member(store: SqliteStore) -> None:
    top = a_top("h1")
    watch = await watched(store, top)
    top.report(an_inventory("h1", guests=[a_guest("vm-1", memory_mib=16, gib=0)]))
    await insert(store, "vm-1", "h1", "blue")
    await heard()
    await where(top, "vm-2", GroupRule("red", host_max=1))
    await top.root.release("vm-2", "h1")
    await store.commit([Update(MEMBERSHIPS, Membership("vm-1", ("blue", "red"), "h1", 1))])
    await heard()
    refused(await top.root.place(member("vm-2", "red", APART)))
    await store.commit([Delete(MEMBERSHIPS, "vm-1")])
    await top.root.release("vm-1", "h1")
    await heard()
    assert not top.grouped()
    await where(top, "vm-2", APART)
    assert top.audit() == []
    await watch.close()


async def test_members_on_the_hosts_of_another_controller_count_in_its_zone(
    store: SqliteStore,
) -> None:
    """h1 is the other controller's, and in the zone of h2."""
    await insert(store, "vm-1", "h1", "red")
    top = a_top("h2", "h3")
    watch = await watched(store, top)
    for host_id in ("h2", "h3"):
        top.report(an_inventory(host_id))
    one_a_zone = GroupRule("red", host_max=None, zone_max=1)
    assert await where(top, "vm-2", one_a_zone) == "h3"
    refused(await top.root.place(member("vm-3", "red", one_a_zone)))
    await watch.close()


async def test_together_with_members_that_another_controller_has_is_not_here(
    store: SqliteStore,
) -> None:
    await insert(store, "vm-1", "h1", "red")
    top = a_top("h2")
    watch = await watched(store, top)
    top.report(an_inventory("h2"))
    refused(await top.root.place(member("vm-2", "red", GroupRule("red", Affinity.TOGETHER))))
    await watch.close()


async def test_what_the_feed_lost_is_found_by_the_next_full_reading(store: SqliteStore) -> None:
    top = a_top("h1")
    watch = GroupWatch(store, top, TurnedClock())
    await insert(store, "vm-1", "h1", "red")
    await watch.once()
    assert set(top.grouped()) == {"vm-1"}
    await store.commit([Delete(MEMBERSHIPS, "vm-1")])
    await watch.once()
    assert not top.grouped()


# --- promises of open tasks ----------------------------------------------------------------------


def an_open_task(demand: Demand, *placements: Placement, state: TaskState) -> Task:
    encode = msgspec.json.encode
    order = {"demand": msgspec.to_builtins(demand), "spec": {}}
    return Task(
        id=f"task of {demand.id}",
        operation="CREATE_VM",
        entity_kind="vm",
        entity_id=demand.id,
        queued_ms=0,
        state=state,
        order=msgspec.Raw(encode(order)),
        results={
            f"RESERVE_RESOURCE[{number}]": msgspec.Raw(encode(placement))
            for number, placement in enumerate(placements)
        },
    )


async def a_promise(leaf: Leaf, id: str) -> tuple[Demand, Placement]:
    demand = member(id, "red", APART)
    return demand, placed(await leaf.place(demand))


async def test_what_open_tasks_were_promised_is_held_before_a_new_leaf_answers(
    store: SqliteStore,
) -> None:
    hosts = [an_inventory(f"h{number}") for number in range(4)]
    before = a_leaf(*hosts)
    demand, first = await a_promise(before, "vm-1")
    await before.refused(first, "BUSY")
    elsewhere_please = msgspec.structs.replace(demand, hosts_excluded=frozenset({first.host_id}))
    second = placed(await before.place(elsewhere_please))
    other, elsewhere = await a_promise(before, "vm-2")
    ended, over = await a_promise(before, "vm-3")
    for task in (
        an_open_task(demand, first, second, state=TaskState.STARTED),
        an_open_task(other, elsewhere, state=TaskState.STARTED),
        an_open_task(ended, over, state=TaskState.COMPLETED),
        an_open_task(member("vm-4", "red"), state=TaskState.QUEUED),
    ):
        await store.commit([Insert(TASKS, task)])
    leaf = a_leaf(*hosts)
    announcer = Announcer(store)
    await asyncio.gather(*(announcer.announce([second.host_id], leaf) for _ in range(5)))
    assert set(leaf.held(second.host_id)) == {"vm-1"}
    assert not leaf.held(elsewhere.host_id)
    for number in range(2):
        later = placed(await leaf.place(member(f"vm-{8 + number}", "red", APART)))
        assert later.host_id != second.host_id
    assert leaf.audit() == []


def test_the_order_of_a_create_is_read_as_it_is_written() -> None:
    """What the announcer reads of it is in the real one."""
    assert "demand" in {field.encode_name for field in msgspec.structs.fields(CreateVm)}
