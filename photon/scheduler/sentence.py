"""Makes of "nothing fits" the error that its owner sees: which code, and which words."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand, Lack, NearMiss, NoPlacement, ReasonCount
from photon.scheduler.errors import NoSuchResource, NothingFits
from photon.scheduler.filter_kinds import Words
from photon.scheduler.filter_order import BY_REASON
from photon.scheduler.misses import nearest_miss

_NO_HOSTS: Final = "there is no host in the cloud; add one, then try again"


def error_of(demand: Demand, refusal: NoPlacement) -> NothingFits:
    """Its code is that of the hosts that came nearest to fitting (`nearest_miss`)."""
    nearest = nearest_miss(refusal)
    if nearest is None:
        return NoSuchResource(_NO_HOSTS, refusal)
    hosts = "1 host" if refusal.hosts_asked == 1 else f"{refusal.hosts_asked} hosts"
    clauses = ", ".join(_clause(count, demand) for count in refusal.reasons)
    words = _words(nearest.reason)
    next_step = _filled(words, words.next_step, demand)
    miss = _miss(refusal.nearest, demand)
    return words.error(f"{hosts} asked: {clauses};{miss} {next_step}", refusal)


def _miss(nearest: NearMiss | None, demand: Demand) -> str:
    """Such as: host 10.0.0.7 came nearest, it lacks memory (needed 4096 MiB, free 2048);"""
    if nearest is None or not nearest.lacks:
        return ""
    lacks = " and ".join(_lack(lack, demand) for lack in nearest.lacks)
    return f" host {nearest.host_address} came nearest, it {lacks};"


def _lack(lack: Lack, demand: Demand) -> str:
    words = _words(lack.reason)
    one = _filled(words, words.one, demand)
    if lack.needed is None:
        return one
    return f"{one} (needed {lack.needed} {words.unit}, free {lack.free})"


def _clause(count: ReasonCount, demand: Demand) -> str:
    """Such as: 7 lack memory (needed 4096 MiB, largest free 2048)."""
    words = _words(count.reason)
    said = _filled(words, words.one if count.hosts == 1 else words.many, demand)
    clause = f"{count.hosts} {said}"
    if count.needed is None:
        return clause
    best = "" if count.best is None else f", largest free {count.best}"
    return f"{clause} (needed {count.needed} {words.unit}{best})"


def _words(reason: str) -> Words:
    return BY_REASON[reason].words


def _filled(words: Words, template: str, demand: Demand) -> str:
    return template.format_map(words.facts(demand))
