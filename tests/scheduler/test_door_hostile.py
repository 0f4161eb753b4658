"""Whatever comes through a door, from either side, costs its sender alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, DiskDemand, Placement, Reason
from photon.rpc.connection import connect
from photon.rpc.errors import BadArguments, CallFailed, PeerFault
from photon.rpc.network import TcpNetwork, split_endpoint
from photon.rpc.server import Server
from photon.rpc.tls import MutualTls
from photon.scheduler import node_messages as messages
from photon.scheduler.names import Sieve
from photon.scheduler.node_messages import AMOUNT_MAX, DEMAND_BYTES_MAX, Confirm, Hold
from photon.scheduler.remote import RemoteDoor
from photon.scheduler.summary import Facts, Summary
from tests.rpc.test_tls import a_certificate
from tests.scheduler.cloud import a_demand, a_leaf, an_inventory, placed, refused
from tests.scheduler.doors import SECONDS, a_door, a_remote_door, an_open_door, until

STRUCTS: Any = messages.scheduler_service().structs
TOO_MUCH = AMOUNT_MAX + 1

BAD_DEMANDS = {
    "nothing": b"",
    "garbage": b"\xc1\xff\x00",
    "another struct": messages.fits_to(messages.fits_of(b"\x80")),
    "negative": messages.demand_to(a_demand(cpus=-1)),
    "beyond 64 bits in sum": messages.demand_to(a_demand(memory_mib=TOO_MUCH)),
    "a disk of no size": messages.demand_to(a_demand(disks=(DiskDemand("d", -5),))),
    "too long": messages.demand_to(a_demand("v" * DEMAND_BYTES_MAX)),
    "too many disks": messages.demand_to(
        a_demand(disks=tuple(DiskDemand(f"{n}", 1) for n in range(1_100)))
    ),
}


@pytest.mark.parametrize("body", BAD_DEMANDS.values(), ids=BAD_DEMANDS.keys())
async def test_what_is_no_demand_of_ours_is_refused_before_a_node_sees_it(body: bytes) -> None:
    leaf = a_leaf(an_inventory("h0"))
    async with an_open_door(leaf) as endpoint:
        service = messages.scheduler_service()
        connection = await connect(TcpNetwork(), endpoint, service)
        for method in ("place", "fits"):
            with pytest.raises(PeerFault):
                await connection.call(method, ("node-0", body), SECONDS)
        good = messages.demand_to(a_demand())
        with pytest.raises(STRUCTS.NoSuchNode):
            await connection.call("place", ("node-9", good), SECONDS)
        answer = await connection.call("place", ("node-0", good), SECONDS)
        assert answer.placed
        connection.close()
    assert set(leaf.held("h0")) == {"vm-1"}


async def test_a_bad_notice_is_passed_over_and_the_others_of_its_batch_are_not() -> None:
    leaf = a_leaf(an_inventory("h0"))
    demand = a_demand()
    placement = placed(await a_leaf(an_inventory("h0")).place(demand))
    other = msgspec.structs.replace(placement, demand_id="vm-2")
    fewer = msgspec.structs.replace(placement, disks=())
    large = msgspec.structs.replace(demand, cpus=TOO_MUCH)
    notices = [
        b"",
        b"\xff" * 50,
        msgspec.msgpack.encode({"type": "Unheard"}),
        messages.notice_to(Hold("node-0", demand, other)),
        messages.notice_to(Hold("node-0", demand, fewer)),
        messages.notice_to(Confirm("node-0", large, placement)),
        messages.notice_to(Hold("node-9", demand, placement)),
        messages.notice_to(Hold("node-0", demand, placement)),
    ]
    tell = a_door(leaf).handlers()["tell"]
    await tell("caller", 1, notices[:-1])
    assert leaf.held("h0") == {}
    await tell("caller", 1, notices)
    assert set(leaf.held("h0")) == {"vm-1"}


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_bad_arguments(body: bytes) -> None:
    for read in (messages.demand_of, messages.notice_of, messages.fits_of):
        with suppress(BadArguments):
            read(body)


async def test_bytes_that_are_no_call_end_their_connection_alone() -> None:
    leaf = a_leaf(an_inventory("h0"))
    async with an_open_door(leaf) as endpoint, a_remote_door(endpoint) as door:
        node = door.node("node-0", leaf.owns)
        await until(lambda: door.is_open)
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x7f\xff\xff\xff", b"\0\0\0\x04abcd"):
            reader, writer = await asyncio.open_connection(*split_endpoint(endpoint))
            writer.write(garbage)
            async with asyncio.timeout(SECONDS):
                assert await reader.read() == b""
            writer.close()
        placed(await node.place(a_demand()))


async def test_with_tls_only_controllers_of_this_cloud_come_through(tmp_path: Path) -> None:
    leaf = a_leaf(an_inventory("h0"))
    certificate, key = a_certificate(tmp_path, "controllers")
    other, other_key = a_certificate(tmp_path, "strangers")
    mine = MutualTls(certificate, certificate, key)
    stranger = MutualTls(certificate, other, other_key)
    door = a_door(leaf)
    inside = TcpNetwork(mine.client(), mine.server())
    endpoint = await door.open(inside, "127.0.0.1:0")
    async with a_remote_door(endpoint, inside) as known:
        node = known.node("node-0", leaf.owns)
        await until(lambda: known.is_open)
        placed(await node.place(a_demand()))
    for outside in (TcpNetwork(stranger.client()), TcpNetwork()):
        with pytest.raises(CallFailed):
            await one_poll(outside, endpoint)
    await door.close()


async def one_poll(network: TcpNetwork, endpoint: str) -> None:
    connection = await connect(network, endpoint, messages.scheduler_service())
    await connection.call("summaries", ("", 0, 0), SECONDS)


# --- a door that lies ----------------------------------------------------------------------------

Handler = Callable[..., Awaitable[Any]]


def tellings(**more: Any) -> Any:
    """As of a door with one node and room on it."""
    told = messages.telling_to(
        "node-0",
        messages.amounts_to(Summary(hosts=3, hosts_ready=3, largest_memory_mib=1), 1),
        messages.facts_to(Facts()),
    )
    members = {"boot_id": "b", "cursor": 1, "more": False, "tellings": [told]}
    return STRUCTS.Tellings(**{**members, "nodes_changed": True, "nodes": ["node-0"], **more})


async def nothing(*_arguments: Any) -> None:
    return None


@asynccontextmanager
async def a_lying_door(**handlers: Handler) -> AsyncIterator[RemoteDoor]:
    async def summaries(boot_id: str, cursor: int, wait_ms: int) -> Any:
        await asyncio.sleep(wait_ms / 1000)
        return tellings()

    served: dict[str, Handler] = {
        "place": nothing,
        "fits": nothing,
        "tell": nothing,
        "summaries": summaries,
        **handlers,
    }
    server = Server(messages.scheduler_service(), served)
    endpoint = await server.start(TcpNetwork(), "127.0.0.1:0")
    async with a_remote_door(endpoint) as door:
        yield door
    await server.stop(0)


def a_placement(demand: Demand) -> Placement:
    return Placement(demand.id, "h0", "a", "e", "", ())


BAD_ANSWERS = {
    "another demand's": messages.answer_to(a_placement(a_demand("vm-2", gib=0))),
    "other disks'": messages.answer_to(msgspec.structs.replace(a_placement(a_demand()), disks=())),
    "garbage": STRUCTS.Answer(True, b"\xc1"),
    "a refusal as a placement": STRUCTS.Answer(True, b"\x82\xabhosts_asked\x01\xa7reasons\x90"),
    "a reason of another release": STRUCTS.Answer(
        False, msgspec.msgpack.encode({"hosts_asked": 1, "reasons": [{"reason": "?", "hosts": 1}]})
    ),
    "half an answer": STRUCTS.Answer(True, None),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_an_answer_that_is_none_is_as_good_as_silence(answer: Any) -> None:
    async def place(node_id: str, demand: bytes) -> Any:
        return answer

    async with a_lying_door(place=place) as door:
        node = door.node("node-0", lambda _: True)
        await until(lambda: not node.summary().hosts_silent)
        refusal = refused(await node.place(a_demand()))
        assert [each.reason for each in refusal.reasons] == [Reason.NODE_SILENT]
        assert refusal.hosts_asked == 3
        fits = await node.fits(a_demand())
        assert [each.reason for each in fits.reasons] == [Reason.NODE_SILENT]


BAD_TELLINGS = {
    "no amounts": tellings(tellings=[messages.telling_to("node-0", b"", b"")]),
    "text for amounts": tellings(
        tellings=[messages.telling_to("node-0", msgspec.msgpack.encode({"hosts": "x"}), b"")]
    ),
    "a sieve of another size": tellings(
        tellings=[
            messages.telling_to(
                "node-0",
                messages.amounts_to(Summary(), 1),
                messages.facts_to(Facts(addresses=Sieve(b"short"))),
            )
        ]
    ),
    "half a telling": tellings(tellings=[STRUCTS.Telling("node-0", None, b"")]),
    "half a page": tellings(nodes=None),
}


@pytest.mark.parametrize("page", BAD_TELLINGS.values(), ids=BAD_TELLINGS.keys())
async def test_a_door_whose_summaries_cannot_be_read_is_silent(page: Any) -> None:
    polls = 0

    async def summaries(boot_id: str, cursor: int, wait_ms: int) -> Any:
        nonlocal polls
        polls += 1
        return page

    async with a_lying_door(summaries=summaries) as door:
        node = door.node("node-0", lambda _: True, hosts=7)
        await until(lambda: polls > 5)
        assert node.summary().hosts_silent == 7
        assert not door.is_open
