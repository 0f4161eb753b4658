"""A door that dies, comes back, or has other nodes than before: its callers follow."""

from __future__ import annotations

from random import Random

from photon.outside.clock import RealClock
from photon.rpc.network import TcpNetwork
from photon.scheduler.policy import RESERVATION_LEASE_SECONDS
from photon.scheduler.remote import RemoteDoor
from photon.scheduler.root import Root
from photon.scheduler.tellings import PAGE_BYTES, TELLINGS_A_PAGE_MAX
from tests.scheduler.cloud import (
    a_datastore,
    a_demand,
    a_leaf,
    an_inventory,
    placed,
    refused,
)
from tests.scheduler.doors import (
    HASTY,
    SteppedClock,
    a_door,
    a_remote_door,
    all_silent,
    an_open_door,
    heard,
    leaf_of,
    node_of,
    silent,
    until,
)


async def test_while_a_door_is_dead_others_are_asked_and_when_it_is_back_so_is_it() -> None:
    leaves = [leaf_of("h0", "h1"), leaf_of("h2", "h3")]
    first = a_door(leaves[0])
    endpoint = await first.open(TcpNetwork(), "127.0.0.1:0")
    async with a_remote_door(endpoint, pace=HASTY) as door:
        node = node_of(door, leaves[0])
        await heard(node)
        root = Root([node, leaves[1]], Random(1), RealClock())
        await first.close()
        for number in range(8):
            placement = placed(await root.place(a_demand(f"vm-{number}")))
            assert leaves[1].owns(placement.host_id)
        await silent(node)
        placed(await root.place(a_demand("vm-8")))
        second = a_door(leaf_of("h0", "h1"))
        await second.open(TcpNetwork(), endpoint)
        await heard(node)
        await until(lambda: root.branch.summary().hosts_silent == 0)
        hosts = {placed(await root.place(a_demand(f"vm-{n}"))).host_id for n in range(10, 18)}
        assert hosts & {"h0", "h1"}
        await second.close()


async def test_a_process_that_starts_anew_is_told_what_it_had_promised() -> None:
    before, after = leaf_of("h0"), leaf_of("h0")
    first = a_door(before)
    endpoint = await first.open(TcpNetwork(), "127.0.0.1:0")
    async with a_remote_door(endpoint, pace=HASTY) as door:
        node = node_of(door, before)
        await heard(node)
        kept, made, gone = a_demand("kept"), a_demand("made"), a_demand("gone")
        placements = [placed(await node.place(demand)) for demand in (kept, made, gone)]
        await node.confirm(made, placements[1])
        await node.release("gone", placements[2].host_id)
        await until(lambda: before.ledger.where["made"].demand is None)
        await first.close()
        second = a_door(after)
        await second.open(TcpNetwork(), endpoint)
        await until(lambda: bool(after.held("h0")))
        # What was made is for its host to tell.
        assert set(after.held("h0")) == {"kept"}
        await second.close()


async def test_what_is_older_than_a_lease_is_not_held_again() -> None:
    before, after = leaf_of("h0"), leaf_of("h0")
    first = a_door(before)
    endpoint = await first.open(TcpNetwork(), "127.0.0.1:0")

    clock = SteppedClock()
    door = RemoteDoor(TcpNetwork(), endpoint, clock, "caller", HASTY)
    door.start()
    node = node_of(door, before)
    await heard(node)
    placed(await node.place(a_demand("old")))
    clock.turn(RESERVATION_LEASE_SECONDS)
    placed(await node.place(a_demand("new")))
    await first.close()
    second = a_door(after)
    await second.open(TcpNetwork(), endpoint)
    await until(lambda: bool(after.held("h0")) and door.waiting == 0)
    assert set(after.held("h0")) == {"new"}
    await door.close()
    await second.close()


async def test_a_node_that_moved_away_is_silent_at_once_until_it_is_served_again() -> None:
    leaf = leaf_of("h0")
    door = a_door(leaf)
    endpoint = await door.open(TcpNetwork(), "127.0.0.1:0")
    async with a_remote_door(endpoint) as remote:
        node = node_of(remote, leaf)
        await heard(node)
        door.withdraw("node-0")
        assert refused(await node.place(a_demand())).reasons == all_silent(1)
        assert node.summary().hosts_silent == 1
        door.admit("node-0", leaf)
        await heard(node)
        placed(await node.place(a_demand()))
        door.withdraw("node-0")
        await silent(node)  # told, without a call
        assert refused(await node.place(a_demand())).reasons == all_silent(1)
    await door.close()


async def test_a_door_with_many_nodes_tells_them_page_by_page() -> None:
    leaves = [leaf_of(f"h{number}") for number in range(2 * TELLINGS_A_PAGE_MAX + 1)]
    async with an_open_door(*leaves) as endpoint, a_remote_door(endpoint) as door:
        names = {f"node-{n}": leaf.owns for n, leaf in enumerate(leaves)}
        late = names.pop("node-7")
        nodes = [door.node(name, owns) for name, owns in names.items()]
        await until(lambda: not any(node.summary().hosts_silent for node in nodes))
        assert door.node("node-0", leaves[0].owns) is nodes[0]
        assert door.node("node-7", late).summary().hosts_silent == 0  # known already


async def test_long_names_make_more_pages_and_none_that_is_too_large() -> None:
    tags = [f"{number:03}" + "x" * 9_000 for number in range(200)]
    leaves = []
    for number in range(5):
        store = a_datastore(f"ds-{number}", tags=tags)
        leaves.append(a_leaf(an_inventory(f"h{number}", datastores=[store])))
    summaries = a_door(*leaves).handlers()["summaries"]
    page = await summaries("", 0, 0)
    told = [telling.node_id for telling in page.tellings]
    assert page.more
    while page.more:
        assert sum(len(telling.facts) for telling in page.tellings) <= PAGE_BYTES
        page = await summaries(page.boot_id, page.cursor, 0)
        told += [telling.node_id for telling in page.tellings]
    assert sorted(told) == [f"node-{number}" for number in range(5)]
