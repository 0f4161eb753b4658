"""The part of the report about what may be lost: do the others have room for all?"""

from __future__ import annotations

from collections.abc import Sequence

from photon.plan.report.bars import Bar, bars
from photon.plan.report.content import Plot, Rows, Section
from photon.plan.report.words import away_words, plural
from photon.plan.result import Survival

PLOTTED_MAX = 12  # Of the losses of one kind, the worst.


def survival_sections(survivals: Sequence[Survival]) -> list[Section]:
    if not survivals:
        return []
    rows = [
        (
            away_words(each),
            "yes" if each.survives else "no",
            f"{each.tried:,}" if each.is_whole else f"{each.tried:,} of {each.of:,}",
            f"{each.lacking:,}",
            f"{each.vms_most:,}",
            f"{each.no_room_most:,}",
            " and ".join(each.worst[0].names),
        )
        for each in survivals
    ]
    columns = ("Lost", "Survives", "Tried", "Lack room", "VMs", "No room", "Worst")
    closing = [
        "Survives: wherever it strikes, all VMs that are lost find room on what is left, each "
        "where its rules allow. Tried: how many such losses; of many, those in which most runs. "
        "Lack room: in so many of them some VMs find none. VMs, No room: lost, and without room, "
        "in the worst. Placed by the scheduler, one after the other; what hosts keep for failover "
        "is not used, for nobody asks for it yet."
    ]
    lacking = [each for each in survivals if not each.survives]
    return [
        Section(
            "What may be lost",
            tables=[Rows(columns, rows, frozenset({2, 3, 4, 5})), *_refusals(lacking)],
            plots=[Plot(_caption(each), _worst(each)) for each in lacking],
            closing=closing,
        )
    ]


def _caption(survival: Survival) -> str:
    told = min(len(survival.worst), PLOTTED_MAX)
    return f"Losses of {away_words(survival)}: the {plural(told, 'worst one', 'worst')}."


def _worst(survival: Survival) -> str:
    rows = [
        Bar(
            " and ".join(loss.names),
            [loss.vms - loss.no_room, loss.no_room],
            f"{loss.no_room:,} of {loss.vms:,} find no room" if loss.no_room else "all find room",
        )
        for loss in survival.worst[:PLOTTED_MAX]
    ]
    return bars(f"Losses of {away_words(survival)}", ["room elsewhere", "no room elsewhere"], rows)


def _refusals(survivals: Sequence[Survival]) -> list[Rows]:
    """Which VMs find no room in the worst case, and why."""
    rows = [
        (" and ".join(each.worst[0].names), refusal.set_name, f"{refusal.count:,}", refusal.why)
        for each in survivals
        for refusal in each.worst[0].refusals
    ]
    columns = ("Lost", "Set", "No room", "Why, of the first")
    return [Rows(columns, rows, frozenset({2}))] if rows else []
