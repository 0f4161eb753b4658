"""Chooses how guests are run: KVM when it really runs them, else TCG."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.durable import write_durably
from photon.agent.drivers.qemu.settings import Accel

PROBE_SECONDS = 3.0  # Hardware is done in a tenth of one, the interpreter's start included.
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VERDICT_FILE = "accel.json"
_log = logging.getLogger(__name__)


class _Verdict(msgspec.Struct, frozen=True):
    boot_id: str
    accel: Accel
    why: str


async def choose_accel(wanted: Accel, state_dir: Path) -> Accel:
    """KVM or TCG. AUTO asks once per boot of the machine, and keeps the answer in `state_dir`."""
    if wanted is not Accel.AUTO:
        return wanted
    boot_id, kept = _this_boot(), state_dir / _VERDICT_FILE
    verdict = _kept_verdict(kept)
    if verdict is None or verdict.boot_id != boot_id:
        why = await why_not_kvm()
        verdict = _Verdict(boot_id, Accel.TCG if why else Accel.KVM, why)
        write_durably(kept, msgspec.json.encode(verdict))
    if verdict.accel is Accel.TCG:
        _log.warning("Guests are emulated, which is slow: %s", verdict.why)
    return verdict.accel


def _this_boot() -> str:
    return _BOOT_ID.read_text().strip()


def _kept_verdict(path: Path) -> _Verdict | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Verdict)
    except (OSError, msgspec.DecodeError):  # lacking, or from another version: ask again
        return None


async def why_not_kvm() -> str:
    """Why KVM cannot be used, as a sentence; empty when it can."""
    try:
        _touch_kvm()
    except OSError as error:
        return f"/dev/kvm cannot be opened ({error.strerror})."
    probe = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "photon.agent.drivers.qemu.kvm_probe"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            code = await probe.wait()
    except TimeoutError:
        probe.kill()
        await probe.wait()
        return "KVM is offered, but runs unmodified guests far too slowly."
    return "" if code == 0 else "KVM is offered, but cannot run a guest."


def _touch_kvm() -> None:
    """Opened for nothing else: it says at once when there is no KVM, or no right to it."""
    with Path("/dev/kvm").open("r+b", buffering=0):
        pass
