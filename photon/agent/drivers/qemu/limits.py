"""Keeps a guest's process to what the guest was promised, by control groups.

Best effort: a host that gives the agent no control groups runs guests without, and says so once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from photon.domain.guest import GuestSpec

# Beyond the guest's memory: QEMU itself, its block caches and translated code.
OVERHEAD_MIB = 512
OVERHEAD_SHARE = 0.25
# Beyond the guest's processors: QEMU's own thread.
OVERHEAD_CPUS = 0.5
PERIOD_MICROSECONDS = 100_000  # The kernel's default; shorter ones cost more.
_GROUP = "photon"
_log = logging.getLogger(__name__)


class Limits:
    """Speaks both versions of control groups, whichever is mounted under `root`."""

    def __init__(self, root: Path = Path("/sys/fs/cgroup")) -> None:
        self._root = root
        self._unified = (root / "cgroup.controllers").exists()
        self._warned = False

    def hold(self, spec: GuestSpec, pid: int) -> None:
        quota = int((spec.cpus + OVERHEAD_CPUS) * PERIOD_MICROSECONDS)
        memory = int(spec.memory_mib * (1 + OVERHEAD_SHARE) + OVERHEAD_MIB) << 20
        try:
            for group in self._groups(spec.vm_id):
                group.mkdir(parents=True, exist_ok=True)
            if self._unified:
                self._hold_unified(spec.vm_id, quota, memory)
            else:
                cpu, memory_group = self._groups(spec.vm_id)
                (cpu / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
                (cpu / "cpu.cfs_quota_us").write_text(str(quota))
                (memory_group / "memory.limit_in_bytes").write_text(str(memory))
            for group in self._groups(spec.vm_id):
                (group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            if not self._warned:
                _log.warning("Guests run without limits of their own: %s", error)
            self._warned = True

    def drop(self, vm_id: str) -> None:
        for group in self._groups(vm_id):
            with suppress(OSError):  # not there, or a process in it that is not reaped yet
                group.rmdir()

    def _groups(self, vm_id: str) -> tuple[Path, ...]:
        if self._unified:
            return (self._root / _GROUP / vm_id,)
        return (self._root / "cpu" / _GROUP / vm_id, self._root / "memory" / _GROUP / vm_id)

    def _hold_unified(self, vm_id: str, quota: int, memory: int) -> None:
        for parent in (self._root, self._root / _GROUP):
            (parent / "cgroup.subtree_control").write_text("+cpu +memory")
        [group] = self._groups(vm_id)
        (group / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        (group / "memory.max").write_text(str(memory))
