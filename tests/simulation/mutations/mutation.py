"""The product, broken on purpose in the running process, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import msgspec

replace: Final = msgspec.structs.replace

Break = Callable[["Surgery"], None]


class Surgery:
    """Puts something else in place of what modules and classes have, and takes it back."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def replace(self, owner: object, name: str, other: object) -> None:
        """`owner` is the module or the class where `name` is looked up."""
        self._stack.enter_context(patch.object(owner, name, other))

    def wrap(self, owner: object, name: str, around: Callable[[Any], Any]) -> None:
        """`around` is given what is there, and answers what shall be."""
        self.replace(owner, name, around(getattr(owner, name)))


@dataclass(frozen=True, slots=True)
class Mutation:
    """`what` is wrong with the product then. Of `seeds_max` seeds under the profile of the faults
    that bring it to light, one at least must tell."""

    name: str
    profile: str
    what: str
    apply: Break
    steps: int = 150
    seeds_max: int = 20
    tight: bool = False  # in a cloud whose hosts are nearly full
    crowded: bool = False  # in a cloud whose hosts share one small datastore
    quick: bool = False  # it is found within seconds: the default tests look for it

    @contextmanager
    def applied(self) -> Iterator[None]:
        with ExitStack() as stack:
            self.apply(Surgery(stack))
            yield
