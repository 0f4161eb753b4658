"""How a controller ends: all of it, whatever a part of it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from photon.controller.config import ControllerConfig
from photon.controller.outside import real_outside
from photon.controller.process import ControllerProcess

# What a controller lets go of when it stops, in order: where it has it, and how that is ended.
PARTS: Final = (
    ("_tree", "retire"),
    ("_adoption", "close"),
    ("_runner", "close"),
    ("_duties", "close"),
    ("_tree", "close"),
    ("_hosts", "close"),
    ("_coordination", "leave"),
    ("_agents", "close"),
    ("_images", "close"),
    ("_store", "close"),
)


class _Part:
    """One of them, that notes how it is ended, and then may fail."""

    def __init__(self, name: str, part: Any, ended: list[tuple[str, str]]) -> None:
        self._name = name
        self._part = part
        self._ended = ended
        self.fails = ""  # which of its calls does

    def __getattr__(self, call: str) -> Any:
        known = getattr(self._part, call)
        if (self._name, call) not in PARTS:
            return known
        return self._noted(call, known)

    def _noted(self, call: str, known: Callable[..., Awaitable[object]]) -> Any:
        async def ending(**how: Any) -> None:
            self._ended.append((self._name, call))
            await known(**how)
            if call == self.fails:
                raise ConnectionError("the store is away")

        return ending


@pytest.mark.parametrize(("part", "call"), PARTS)
async def test_what_one_part_says_keeps_nothing_after_it_from_being_let_go(
    tmp_path: Path, part: str, call: str
) -> None:
    """Seed 300: the store was away, the tree could not be given back, and it never came again."""
    config = ControllerConfig(tmp_path)
    controller = ControllerProcess(config, real_outside(config))
    await controller.start()
    ended: list[tuple[str, str]] = []
    for name in dict.fromkeys(name for name, _ in PARTS):
        noting = _Part(name, getattr(controller, name), ended)
        noting.fails = call if name == part else ""
        setattr(controller, name, noting)
    await controller.stop()
    assert tuple(ended) == PARTS
