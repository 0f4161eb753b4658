"""This controller's place among the controllers: its row, and the lease that says it lives."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from photon.domain.controller import Controller
from photon.outside.clock import Clock
from photon.store.errors import StaleGeneration
from photon.store.nouns import CONTROLLERS
from photon.store.protocol import CloudStore, Delete, Insert, Update

LEASE_SECONDS: Final = 15.0  # A controller that is silent for so long is dead to the others.
RENEW_SECONDS: Final = 5.0  # Two renewals may fail before the lease is gone.
CONTROLLERS_PAGE: Final = 100

log = logging.getLogger(__name__)


class ControllerLease:
    """`lost` is called when another controller has declared this one dead."""

    def __init__(
        self, store: CloudStore, clock: Clock, controller: Controller, lost: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._lost = lost
        self.controller = controller

    async def register(self) -> None:
        self.controller = msgspec.structs.replace(self.controller, lease_until_ms=self._until())
        await self._store.commit([Insert(CONTROLLERS, self.controller)])
        self.controller = msgspec.structs.replace(self.controller, generation=1)

    async def renew(self) -> None:
        renewed = msgspec.structs.replace(self.controller, lease_until_ms=self._until())
        try:
            await self._store.commit([Update(CONTROLLERS, renewed)])
        except StaleGeneration:
            log.error("this controller was declared dead; it stops")
            self._lost()
            return
        self.controller = msgspec.structs.replace(renewed, generation=renewed.generation + 1)

    async def give_up(self) -> None:
        """Says goodbye, so that nobody waits for the lease's end."""
        try:
            await self._store.commit(
                [Delete(CONTROLLERS, self.controller.id, self.controller.generation)]
            )
        except StaleGeneration:
            log.info("this controller was taken off the list already")

    async def others(self) -> list[Controller]:
        page = await self._store.page(CONTROLLERS, {}, limit=CONTROLLERS_PAGE)
        return [other for other in page.items if other.id != self.controller.id]

    def _until(self) -> int:
        return self._clock.now_ms() + int(LEASE_SECONDS * 1000)
