"""What scheduler nodes say to each other, as bytes: see thrift/scheduler.thrift.

The structs are encoded as they are, by name, in C: a third of the time that thrift structs of their
own would take. Whatever comes in is checked before a node sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from photon.domain.demand import Demand, Lack, NoPlacement, Placement, ReasonCount
from photon.domain.fits import Fits
from photon.rpc.errors import BadArguments
from photon.rpc.service import Service, find_thrift_file, load_service
from photon.scheduler.filter_order import BY_REASON
from photon.scheduler.names import SIEVE_BYTES
from photon.scheduler.summary import Facts, Summary

# A demand has some hundreds of bytes; its groups, rules and excluded hosts may make it thousands.
DEMAND_BYTES_MAX: Final = 64 << 10
# Sums of these stay within 64 bits, however many demands one host holds.
AMOUNT_MAX: Final = 1 << 40
# More than the API lets one VM have, many times over; each costs a search of datastores.
DISKS_MAX: Final = 1024

_Struct = TypeVar("_Struct")


class Hold(msgspec.Struct, frozen=True, tag=True):
    node_id: str
    demand: Demand
    placement: Placement


class Confirm(msgspec.Struct, frozen=True, tag=True):
    node_id: str
    demand: Demand
    placement: Placement


class Release(msgspec.Struct, frozen=True, tag=True):
    node_id: str
    demand_id: str
    host_id: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    node_id: str
    placement: Placement
    reason: str


Notice = Hold | Confirm | Release | Refused

# Sets in order: what is said again is the same bytes, in whatever process.
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_DEMAND: Final = msgspec.msgpack.Decoder(Demand)
_PLACEMENT: Final = msgspec.msgpack.Decoder(Placement)
_REFUSAL: Final = msgspec.msgpack.Decoder(NoPlacement)
_FITS: Final = msgspec.msgpack.Decoder(Fits)
_NOTICE: Final[msgspec.msgpack.Decoder[Notice]] = msgspec.msgpack.Decoder(Notice)
_SUMMARY: Final = msgspec.msgpack.Decoder(Summary)
_FACTS: Final = msgspec.msgpack.Decoder(Facts)
_AMOUNTS: Final = tuple(
    [name for name in Summary.__struct_fields__ if name not in ("generation", "facts")]
)


@cache
def scheduler_service() -> Service:
    """The nodes' service; its thrift file is read the first time."""
    return load_service(find_thrift_file("scheduler.thrift"), "Scheduler")


_structs: Any = scheduler_service().structs
NoSuchNode: Any = _structs.NoSuchNode  # an exception, with the node's id


# Demands, and their answers


def demand_to(demand: Demand) -> bytes:
    return _encode(demand)


def demand_of(body: bytes) -> Demand:
    """BadArguments if it is no demand, or one that no controller of ours makes."""
    if len(body) > DEMAND_BYTES_MAX:
        raise BadArguments(f"a demand of {len(body)} bytes; {DEMAND_BYTES_MAX} are allowed")
    demand = _decoded(_DEMAND, body)
    _check(demand)
    return demand


def answer_to(answer: Placement | NoPlacement) -> Any:
    return _structs.Answer(isinstance(answer, Placement), _encode(answer))


def answer_of(answer: Any, demand: Demand) -> Placement | NoPlacement:
    """BadArguments if it is no answer to this demand."""
    if answer.placed is None or answer.body is None:
        raise BadArguments("an answer lacks its body")
    if not answer.placed:
        refusal = _decoded(_REFUSAL, answer.body)
        _check_known(refusal.reasons)
        _check_known(refusal.nearest.lacks if refusal.nearest else ())
        return refusal
    placement = _decoded(_PLACEMENT, answer.body)
    _check_pair(demand, placement)
    return placement


def fits_to(fits: Fits) -> bytes:
    return _encode(fits)


def fits_of(body: bytes) -> Fits:
    fits = _decoded(_FITS, body)
    _check_known(fits.reasons)
    for reach in fits.reaches:
        _check_known(reach.reasons)
    return fits


# Notices


def notice_to(notice: Notice) -> bytes:
    return _encode(notice)


def notice_of(body: bytes) -> Notice:
    """BadArguments if it is none, or does not fit together."""
    if len(body) > 2 * DEMAND_BYTES_MAX:
        raise BadArguments(f"a notice of {len(body)} bytes; {2 * DEMAND_BYTES_MAX} are allowed")
    notice: Notice = _decoded(_NOTICE, body)
    if isinstance(notice, Hold | Confirm):
        _check(notice.demand)
        _check_pair(notice.demand, notice.placement)
    return notice


# Summaries, and who serves them


def amounts_to(summary: Summary, generation: int) -> bytes:
    """All but its facts. A node's own generations mean nothing elsewhere."""
    amounts = {name: getattr(summary, name) for name in _AMOUNTS}
    return _encode({"generation": generation, **amounts})


def facts_to(facts: Facts) -> bytes:
    return _encode(facts)


def summary_of(telling: Any, before: Facts) -> Summary:
    """`before`: the facts that were told last."""
    facts = _decoded(_FACTS, telling.facts) if telling.facts else before
    if any(len(sieve.bits) != SIEVE_BYTES for sieve in (facts.addresses, facts.datastores)):
        raise BadArguments("a sieve of another size than ours")
    return msgspec.structs.replace(_decoded(_SUMMARY, telling.amounts), facts=facts)


def telling_to(node_id: str, amounts: bytes, facts: bytes) -> object:
    telling: object = _structs.Telling(node_id, amounts, facts)
    return telling


def tellings_to(
    boot_id: str, cursor: int, tellings: list[object], nodes: list[str] | None, *, more: bool
) -> object:
    """`nodes`: None when they are those that were told before."""
    answer: object = _structs.Tellings(
        boot_id, cursor, more, tellings, nodes is not None, nodes or []
    )
    return answer


def tellings_of(answer: Any) -> Any:
    """The answer itself, whole. BadArguments if it is not."""
    whole = None not in vars(answer).values()
    if not whole or any(None in vars(telling).values() for telling in answer.tellings):
        raise BadArguments("a page of summaries lacks a member")
    return answer


def _decoded(decoder: msgspec.msgpack.Decoder[_Struct], body: bytes) -> _Struct:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BadArguments(f"a struct cannot be read: {problem}") from problem


def _check(demand: Demand) -> None:
    amounts = [demand.cpus, demand.memory_mib, *(disk.capacity_gib for disk in demand.disks)]
    if not all(0 <= amount <= AMOUNT_MAX for amount in amounts):
        raise BadArguments("a demand's amounts are out of all bounds")
    if len(demand.disks) > DISKS_MAX:
        raise BadArguments(f"a demand of {len(demand.disks)} disks; {DISKS_MAX} are allowed")


def _check_known(said: Sequence[ReasonCount | Lack]) -> None:
    """The set of reasons is open, but each has its place and its words only where it is known."""
    for each in said:
        if each.reason not in BY_REASON:
            raise BadArguments("a reason of another release")


def _check_pair(demand: Demand, placement: Placement) -> None:
    if placement.demand_id != demand.id:
        raise BadArguments("a placement of another demand")
    if [disk.id for disk in demand.disks] != [disk.disk_id for disk in placement.disks]:
        raise BadArguments("a placement of other disks than its demand's")
