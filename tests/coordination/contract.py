"""What every Coordination keeps to; each implementation's tests inherit these."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from photon.coordination.protocol import CONTROLLER, Coordination
from photon.domain.member import Member


@dataclass
class Peer:
    """One member of a deployment. `freeze` stops it as SIGSTOP would, `die` as SIGKILL."""

    member: Member
    coordination: Coordination
    losses: list[str]
    freeze: Callable[[], None]
    thaw: Callable[[], None]
    die: Callable[[], Awaitable[None]]

    @property
    def id(self) -> str:
        return self.member.id

    def sees(self) -> list[str]:
        return [member.id for member in self.coordination.members()]


class Deployment(Protocol):
    """Where peers meet. `lease` lets so much time pass that who is silent is dead."""

    async def peer(self, name: str) -> Peer: ...
    async def moment(self) -> None:
        """Lets pass what news need to arrive, but no lease."""
        ...

    async def lease(self) -> None: ...


def a_member(name: str) -> Member:
    return Member(f"id-{name}", name, CONTROLLER, f"http://{name}:9000", f"{name}:9100", 1)


class CoordinationContract:
    async def test_who_joins_is_seen_by_all_with_all_that_it_told(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        await lab.moment()
        for peer in (first, second):
            assert list(peer.coordination.members()) == [first.member, second.member]

    async def test_who_has_joined_sees_itself_at_once(self, lab: Deployment) -> None:
        peer = await lab.peer("a")
        assert peer.sees() == ["id-a"]
        assert not await peer.coordination.is_gone("id-a")

    async def test_who_leaves_is_off_the_list_at_once_and_for_ever(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        await lab.moment()
        await second.coordination.leave()
        await lab.moment()
        assert first.sees() == ["id-a"]
        assert await first.coordination.is_gone("id-b")
        assert second.losses == [], "it went by itself"

    async def test_who_dies_is_off_the_list_after_its_lease(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        await lab.moment()
        await second.die()
        await lab.moment()
        assert first.sees() == ["id-a", "id-b"]
        assert not await first.coordination.is_gone("id-b")
        await lab.lease()
        assert first.sees() == ["id-a"]
        assert await first.coordination.is_gone("id-b")

    async def test_listeners_hear_of_who_comes_and_who_goes(self, lab: Deployment) -> None:
        first = await lab.peer("a")
        seen: list[list[str]] = []
        stop = first.coordination.subscribe(lambda: seen.append(first.sees()))
        second = await lab.peer("b")
        await lab.moment()
        assert seen[-1] == ["id-a", "id-b"]
        await second.coordination.leave()
        await lab.moment()
        assert seen[-1] == ["id-a"]
        stop()
        count = len(seen)
        await lab.peer("c")
        await lab.moment()
        assert len(seen) == count

    async def test_who_was_frozen_beyond_its_lease_is_told_that_it_is_dead(
        self, lab: Deployment
    ) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        await lab.moment()
        second.freeze()
        await lab.lease()
        assert first.sees() == ["id-a"]
        assert second.losses == []
        second.thaw()
        await lab.moment()
        assert second.losses == ["id-b"]
        await lab.lease()
        assert second.losses == ["id-b"], "once"
        assert first.sees() == ["id-a"], "it does not come back"
        assert first.losses == []

    async def test_who_was_frozen_for_less_than_its_lease_lives_on(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        await lab.moment()
        second.freeze()
        await lab.moment()
        second.thaw()
        await lab.lease()
        assert first.sees() == second.sees() == ["id-a", "id-b"]
        assert second.losses == []

    async def test_of_many_who_campaign_one_leads_and_all_know_it(self, lab: Deployment) -> None:
        peers = [await lab.peer(name) for name in "abc"]
        offices = [peer.coordination.campaign("chairman") for peer in peers]
        await lab.moment()
        fences = [office.fence() for office in offices]
        assert sum(fence is not None for fence in fences) == 1
        leader = next(peer.id for peer, fence in zip(peers, fences, strict=True) if fence)
        assert [office.leader() for office in offices] == [leader] * 3

    async def test_offices_are_independent(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        chairman = first.coordination.campaign("chairman")
        sweeper = second.coordination.campaign("sweeper")
        await lab.moment()
        assert chairman.fence() is not None
        assert sweeper.fence() is not None
        assert first.coordination.campaign("chairman") is chairman

    async def test_who_resigns_is_followed_by_another_with_a_higher_fence(
        self, lab: Deployment
    ) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        before = first.coordination.campaign("chairman")
        fence = await before.wait()
        after = second.coordination.campaign("chairman")
        await lab.moment()
        assert after.fence() is None
        await before.resign()
        assert before.fence() is None
        await lab.moment()
        following = after.fence()
        assert following is not None
        assert following > fence
        await lab.moment()
        assert before.leader() == second.id

    async def test_who_leaves_gives_its_offices_up(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        before = first.coordination.campaign("chairman")
        fence = await before.wait()
        after = second.coordination.campaign("chairman")
        await first.coordination.leave()
        assert before.fence() is None
        await lab.moment()
        following = after.fence()
        assert following is not None
        assert following > fence

    async def test_who_dies_is_followed_after_its_lease_with_a_higher_fence(
        self, lab: Deployment
    ) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        fence = await first.coordination.campaign("chairman").wait()
        after = second.coordination.campaign("chairman")
        waiting = asyncio.ensure_future(after.wait())
        await lab.moment()
        await first.die()
        await lab.moment()
        assert not waiting.done()
        await lab.lease()
        assert waiting.done()
        assert waiting.result() > fence
        assert after.leader() == second.id

    async def test_who_is_frozen_does_not_lead_when_it_awakes(self, lab: Deployment) -> None:
        """From the very moment on: before it could hear that another leads."""
        first, second = await lab.peer("a"), await lab.peer("b")
        before = first.coordination.campaign("chairman")
        fence = await before.wait()
        after = second.coordination.campaign("chairman")
        await lab.moment()
        first.freeze()
        await lab.lease()
        assert before.fence() is None, "asked before anything else could run in its process"
        following = after.fence()
        assert following is not None
        assert following > fence
        first.thaw()
        await lab.moment()
        assert before.fence() is None
        assert first.losses == [first.id]

    async def test_who_resigned_may_campaign_again(self, lab: Deployment) -> None:
        peer = await lab.peer("a")
        before = peer.coordination.campaign("chairman")
        fence = await before.wait()
        await before.resign()
        again = peer.coordination.campaign("chairman")
        await lab.moment()
        following = again.fence()
        assert following is not None
        assert following > fence
        assert before.fence() is None

    async def test_an_office_outlives_many_leases_of_who_lives(self, lab: Deployment) -> None:
        first, second = await lab.peer("a"), await lab.peer("b")
        office = first.coordination.campaign("chairman")
        fence = await office.wait()
        other = second.coordination.campaign("chairman")
        for _ in range(3):
            await lab.lease()
            assert office.fence() == fence
            assert other.fence() is None
