"""Keeps nodes under one branch, with as many levels of branches between as their number needs."""

from __future__ import annotations

from collections.abc import Callable

from photon.scheduler.branch import Branch
from photon.scheduler.protocol import ChildNode


class Growth:
    """`top` stays the same however many nodes there are: what it knows of demands stays true.

    A node stays where it was put: levels are added above it, never taken away, so a tree that was
    once large may be deeper than it needs, which costs a step down and no more.
    """

    def __init__(self, top: Branch, fan_out_max: int, new_branch: Callable[[], Branch]) -> None:
        self.top = top
        self._fan_out_max = fan_out_max
        self._new_branch = new_branch
        self._height = 1  # of the top; a branch over leaves has 1
        self._named = 0

    def add(self, node: ChildNode, name: str) -> None:
        if not self._put_under(self.top, self._height, node, name):
            self.top.deepen(self._name())
            self._height += 1
            assert self._put_under(self.top, self._height, node, name), "a deeper tree has room"

    def remove(self, node: ChildNode) -> None:
        """And each branch that is empty without it."""
        assert _take_out(self.top, node, self._height), "it was put here"

    def _put_under(self, branch: Branch, height: int, node: ChildNode, name: str) -> bool:
        if height == 1:
            if len(branch) >= self._fan_out_max:
                return False
            branch.add(node, name)
            return True
        for child in branch.children():
            assert isinstance(child, Branch), "leaves are at the bottom alone"
            if self._put_under(child, height - 1, node, name):
                return True
        if len(branch) >= self._fan_out_max:
            return False
        below = self._new_branch()
        branch.add(below, self._name())
        return self._put_under(below, height - 1, node, name)

    def _name(self) -> str:
        self._named += 1
        return f"branch-{self._named}"


def _take_out(branch: Branch, node: ChildNode, height: int) -> bool:
    for child in branch.children():
        if child is node:
            branch.remove(child)
            return True
        if height > 1 and isinstance(child, Branch) and _take_out(child, node, height - 1):
            if not len(child):
                branch.remove(child)
            return True
    return False
