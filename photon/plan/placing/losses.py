"""Do the others hold all, if one of the racks fails, or any two? Placed by the scheduler's tree.

What was on the lost hosts is placed again, one VM after the other, as an operator would; then all
is put back as it was, and the next loss is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import msgspec

from photon.domain.demand import NoPlacement
from photon.plan.branches import Work, played
from photon.plan.placing.cloud import Placed, PlacingCloud
from photon.plan.progress import Progress
from photon.plan.result import Loss, NotMade, Survival
from photon.scheduler.sentence import error_of

# VMs that are moved for one question: some tenths of a millisecond each. A thousand racks make half
# a million pairs; those in which most runs are tried, and the report says of how many.
MOVES_MAX: Final = 50_000
LOSSES_TOLD_MAX: Final = 20  # The worst; of the others the numbers are told.
_SEVERAL: Final = 2


@dataclass(slots=True)
class Question:
    """Of all that could be lost, `tried` are the heaviest; each is a tuple of names."""

    kind: str
    away: int
    of: int
    tried: list[tuple[str, ...]] = field(default_factory=list)

    def moves(self, weights: dict[str, int]) -> int:
        return sum(weights[name] for names in self.tried for name in names)


async def survivals(
    cloud: PlacingCloud, kinds: Sequence[str], progress: Progress, jobs: int
) -> list[Survival]:
    """For each kind of thing: is one of it spared, and are two? Nothing is changed."""
    questions = [each for kind in kinds for each in _questions(cloud, kind)]
    weights = {kind: _weights(cloud, kind) for kind in kinds}
    moves = sum(question.moves(weights[question.kind]) for question in questions)
    progress.stage("VMs placed again after losses", moves)
    works = [_work(cloud, question, share, jobs) for question in questions for share in range(jobs)]
    answers = await played(works, list[Loss], progress, jobs)
    return [
        _survival(question, [loss for part in answers[at : at + jobs] for loss in part])
        for at, question in zip(range(0, len(answers), jobs), questions, strict=True)
    ]


def names_of(cloud: PlacingCloud, kind: str) -> Sequence[str]:
    """Of what can be lost of this kind."""
    plan = cloud.hosts
    named = {"rack": plan.racks, "zone": plan.zones}
    return named.get(kind) or tuple(host.address for host in plan.hosts)


def _questions(cloud: PlacingCloud, kind: str) -> list[Question]:
    names, weights = names_of(cloud, kind), _weights(cloud, kind)
    heaviest = sorted(names, key=lambda name: (-weights[name], name))
    questions = []
    for away in (1, _SEVERAL):
        # A cloud in which nothing is left has nothing to say; zones die one at a time.
        if away >= len(names) or (away == _SEVERAL and kind == "zone"):
            continue
        count = len(names) if away == 1 else len(names) * (len(names) - 1) // 2
        questions.append(Question(kind, away, count, _within(heaviest, away, weights)))
    return questions


def _within(heaviest: Sequence[str], away: int, weights: dict[str, int]) -> list[tuple[str, ...]]:
    """As many as MOVES_MAX allows, and one at least."""
    tried: list[tuple[str, ...]] = []
    moves = 0
    for names in _heaviest_first(heaviest, away):
        moves += sum(weights[name] for name in names)
        if tried and moves > MOVES_MAX:
            break
        tried.append(names)
    return tried


def _heaviest_first(heaviest: Sequence[str], away: int) -> Iterable[tuple[str, ...]]:
    """Pairs of the first few before those with any later one: nearly by weight, without making all
    pairs of a thousand."""
    for last in range(away - 1, len(heaviest)):
        for others in combinations(heaviest[:last], away - 1):
            yield (*others, heaviest[last])


def _weights(cloud: PlacingCloud, kind: str) -> dict[str, int]:
    """VMs on each."""
    return {
        name: sum(len(cloud.placed[address]) for address in cloud.hosts.addresses(kind, name))
        for name in names_of(cloud, kind)
    }


def _work(cloud: PlacingCloud, question: Question, share: int, jobs: int) -> Work[list[Loss]]:
    async def work(progress: Progress) -> list[Loss]:
        return [
            await lost(cloud, question.kind, names, progress)
            for names in question.tried[share::jobs]
        ]

    return work


async def lost(cloud: PlacingCloud, kind: str, names: Sequence[str], progress: Progress) -> Loss:
    """What becomes of the VMs there; afterwards all is as it was."""
    addresses = [each for name in names for each in cloud.hosts.addresses(kind, name)]
    gone = cloud.on(addresses)
    cloud.go_missing(addresses)
    moved: list[Placed] = []
    refused: dict[str, list[str]] = {}
    # What is deleted of a host that is missing is held there, and counts in its groups, until the
    # host comes back: so it is in the product.
    for each in gone:
        found = await cloud.place(each.set_name, each.wants)
        if isinstance(found, NoPlacement):
            why = str(error_of(each.demand, found))
            refused.setdefault(each.set_name, []).append(why)
        else:
            moved.append(found)
        progress.step()
    for each in moved:
        await cloud.remove(each)
    cloud.come_back(addresses)
    refusals = [NotMade(name, len(whys), whys[0]) for name, whys in refused.items()]
    no_room = len(gone) - len(moved)
    return Loss(tuple(names), len(addresses), len(gone), no_room, tuple(refusals))


def _survival(question: Question, losses: Sequence[Loss]) -> Survival:
    worst = sorted(losses, key=lambda loss: (-loss.no_room, -loss.vms, loss.names))
    return Survival(
        kind=question.kind,
        away=question.away,
        of=question.of,
        tried=len(losses),
        lacking=sum(1 for loss in losses if loss.no_room),
        vms_most=max(loss.vms for loss in losses),
        no_room_most=worst[0].no_room,
        worst=tuple(
            loss if place == 0 else msgspec.structs.replace(loss, refusals=())
            for place, loss in enumerate(worst[:LOSSES_TOLD_MAX])
        ),
    )
