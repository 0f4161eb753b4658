"""What single kinds of faults do to a cloud, and that its programs meet them as they should."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.coordination.terms import LEASE_SECONDS
from photon.simulation.world import Size, World, play
from photon.store.nouns import MEMBERS, TENANTS
from tests.simulation.scenes import Cloud

IN_STORE: Final = Size(controllers=2, hosts=2, leaf_hosts=2, ensemble=False)
SEEDS: Final = 40


def test_about_half_of_all_seeds_agree_through_the_store() -> None:
    async def has_ensemble(world: World) -> bool:
        return world.ensemble is not None

    tiny = Size(controllers=1, hosts=1)
    through = sum(play(seed, tiny, has_ensemble) for seed in range(1, SEEDS + 1))
    assert SEEDS // 3 <= through <= SEEDS - SEEDS // 3


def test_whoever_cannot_renew_its_lease_is_taken_for_dead_and_begins_anew() -> None:
    async def scene(world: World) -> None:
        await Cloud(world).furnish()
        controller = world.controllers[0]
        assert controller.program is not None
        first = controller.program.id
        world.store_server.refuse_renewals(controller.name)
        # It writes everything else.
        body = b'{"name":"meanwhile"}'
        assert (await world.request(0, "POST", "/v1/tenants", body)).status == 201
        await asyncio.sleep(2.0 * LEASE_SECONDS)
        world.store_server.allow_renewals(controller.name)
        assert await world.store.find(MEMBERS, first) is None
        await asyncio.sleep(2.0 * LEASE_SECONDS)
        assert controller.serving
        assert controller.program is not None
        assert controller.program.id != first
        assert world.is_member(controller.program.id)

    play(3, IN_STORE, scene)


def test_a_server_that_becomes_a_standby_under_its_sessions_is_outlived() -> None:
    """Nothing breaks, and yet no write is taken: another session must be sought, and is."""

    async def scene(world: World) -> None:
        await Cloud(world).furnish()
        server = world.store_server
        server.conditions.read_only = True
        asking = asyncio.create_task(
            world.request(0, "POST", "/v1/tenants", b'{"name":"later"}', seconds=30.0)
        )
        await asyncio.sleep(5.0)
        assert not asking.done()
        server.conditions.read_only, server.conditions.stray = False, 0.5
        assert (await asking).status == 201
        names = {tenant.name for tenant in (await world.store.page(TENANTS, {}, limit=9)).items}
        assert "later" in names

    play(4, IN_STORE, scene)


def test_what_was_under_way_when_a_store_fails_over_is_done_once() -> None:
    async def scene(world: World) -> tuple[int, int]:
        """How many of the requests were answered at last, and how many tenants there are."""
        await Cloud(world).furnish()
        service = world.store_server.service
        before = len((await world.store.page(TENANTS, {}, limit=99)).items)
        service.hang()
        asking = [
            asyncio.create_task(
                world.request(number % 2, "POST", "/v1/tenants", b'{"name":"t-%d"}' % number)
            )
            for number in range(10)
        ]
        await asyncio.sleep(1.0)
        service.fail_over(done=0.5)
        await asyncio.sleep(2.0)
        service.come_back()
        answers = await asyncio.gather(*asking)
        after = len((await world.store.page(TENANTS, {}, limit=99)).items)
        return sum(answer.status == 201 for answer in answers), after - before

    assert play(5, IN_STORE, scene) == (10, 10)
    assert play(6, IN_STORE, scene) == (10, 10)
