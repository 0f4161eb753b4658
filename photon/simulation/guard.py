"""Nobody in a simulation asks the real world: who does is told at once.

A look at the machine's clock or at its chance would make of one seed two runs. What an agent's or
a controller's code asks for in this way raises here; what runs the simulation may ask.
"""

from __future__ import annotations

import os
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from photon.simulation.process import PROCESS

OUTSIDE: Final = "outside"  # The name of the process that runs the simulation.

_WATCHED: Final[tuple[tuple[ModuleType, str], ...]] = (
    *((time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter")),
    (time, "sleep"),
    (os, "urandom"),
    (uuid, "uuid1"),
    (uuid, "uuid4"),
    *(
        (random, name)
        for name in ("random", "randint", "choice", "shuffle", "uniform", "randrange")
    ),
    *((secrets, name) for name in ("token_bytes", "token_hex", "token_urlsafe")),
)


class AskedOutside(Exception):
    """A program of the simulation looked at the real clock, or drew from real chance."""


@contextmanager
def guarded() -> Iterator[None]:
    """While it lasts, simulated programs that ask for what is real raise AskedOutside."""
    before = [(module, name, getattr(module, name)) for module, name in _WATCHED]
    try:
        for module, name, real in before:
            setattr(module, name, _guarded(f"{module.__name__}.{name}", real))
        yield
    finally:
        for module, name, real in before:
            setattr(module, name, real)


def _guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*args: Any, **kwargs: Any) -> Any:
        process = PROCESS.get(None)
        if process is not None and process.name != OUTSIDE:
            raise AskedOutside(f"{process.name} called {name}")
        return real(*args, **kwargs)

    return asked
