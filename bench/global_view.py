"""A scheduler that sees all hosts at once: what the tree's choices are compared with.

It shares nothing with the tree but what is asked of both: its own arrays, and its own arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class HostSize:
    """What each host offers, overcommit included."""

    cpus: int
    memory_mib: int


class GlobalView:
    """`pack` False: the host that is the emptiest afterwards; True: the fullest that has room. Of
    equals, the first."""

    def __init__(self, hosts: int, size: HostSize, *, pack: bool) -> None:
        self._size = size
        self._pack = pack
        self.cpus_used = np.zeros(hosts, dtype=np.int64)
        self.memory_used_mib = np.zeros(hosts, dtype=np.int64)

    def place(self, cpus: int, memory_mib: int) -> bool:
        """False: no host has room for both."""
        cpus_after = self.cpus_used + cpus
        memory_after_mib = self.memory_used_mib + memory_mib
        load = np.maximum(cpus_after / self._size.cpus, memory_after_mib / self._size.memory_mib)
        fits = (cpus_after <= self._size.cpus) & (memory_after_mib <= self._size.memory_mib)
        if not fits.any():
            return False
        if self._pack:
            row = int(np.where(fits, load, -1.0).argmax())
        else:
            row = int(np.where(fits, load, np.inf).argmin())
        self.cpus_used[row] += cpus
        self.memory_used_mib[row] += memory_mib
        return True

    def loads(self) -> list[float]:
        """Of each host, the share used of what it has least left of."""
        cpus = self.cpus_used / self._size.cpus
        memory = self.memory_used_mib / self._size.memory_mib
        loads: list[float] = np.maximum(cpus, memory).tolist()
        return loads

    def used_share(self) -> float:
        """Of all memory."""
        used: float = self.memory_used_mib.sum().item()
        return used / (self._size.memory_mib * len(self.memory_used_mib))
