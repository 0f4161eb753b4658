"""Those who want to know when members or leaderships change."""

from __future__ import annotations

import logging
from collections.abc import Callable

from photon.coordination.protocol import Listener

log = logging.getLogger(__name__)


class Listeners:
    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    def add(self, listener: Listener) -> Callable[[], None]:
        ticket = object()
        self._listeners[ticket] = listener

        def stop() -> None:
            self._listeners.pop(ticket, None)

        return stop

    def tell(self) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener()
            except Exception:  # One listener's bug must not keep the others from hearing.
                log.exception("a listener of the coordination failed")
