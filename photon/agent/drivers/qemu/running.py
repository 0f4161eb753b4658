"""A guest that runs: its QEMU process, and what is said to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from photon.agent.drivers.qemu.argv import block_node, device_name, disk_device, node_name
from photon.agent.drivers.qemu.commands import ERROR_CHARACTERS_MAX, CommandFailed
from photon.agent.drivers.qemu.process import Process, spawn
from photon.agent.drivers.qemu.qmp import Event, Monitor, MonitorLost, MonitorRefused
from photon.agent.drivers.qemu.record import QEMU_LOG
from photon.domain.guest import AgentRefusal, GuestState, Refusal

START_SECONDS = 30.0  # To QEMU's first word; 0.1 s on a quiet host.
CONTACT_POLL_SECONDS = 0.01  # QEMU makes its socket when it is ready, and nothing tells of it.
REATTACH_SECONDS = 5.0  # QEMU may still be starting; one that is well answers in milliseconds.
# A guest that still boots does not hear the button; one that heard it does not mind another press.
BUTTON_SECONDS = 5.0
FLUSH_SECONDS = 10.0  # QEMU ends in milliseconds, once it has flushed its disks.
KILL_SECONDS = 10.0  # The kernel ends a killed process at once, unless its disk hangs.


class Running:
    """Made by `launch` or `reattach`. `on_change` hears what the guest did by itself."""

    def __init__(self, directory: Path, process: Process, on_change: Callable[[], None]) -> None:
        self._directory = directory
        self._process = process
        self._on_change = on_change
        self._monitor: Monitor | None = None
        self._regaining = asyncio.Lock()
        self._unplugged: dict[str, asyncio.Event] = {}
        self.paused = False
        self.ending = False  # told to end, so that its end is no news

    @property
    def state(self) -> GuestState:
        if self._monitor is None:
            return GuestState.ERROR
        return GuestState.SUSPENDED if self.paused else GuestState.STARTED

    def on_exit(self, callback: Callable[[], None]) -> None:
        self._process.on_exit(callback)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.exited.is_set()

    def last_words(self) -> str:
        """What QEMU wrote last, which is why it ended."""
        log = self._directory / QEMU_LOG
        return log.read_text(errors="replace").strip()[-ERROR_CHARACTERS_MAX:]

    async def go(self) -> None:
        """Lets a launched or suspended guest run."""
        await self.execute("cont")
        self.paused = False

    async def suspend(self) -> None:
        """Stops the guest's processors; it stays in memory."""
        # First, so that QEMU's own event about it is no news.
        self.paused = True
        try:
            await self.execute("stop")
        except CommandFailed:
            self.paused = False
            raise

    async def reset(self) -> None:
        await self.execute("system_reset")

    async def stop(self, orderly_seconds: float) -> None:
        """Asks the guest to end; what has not after `orderly_seconds` is ended."""
        self.ending = True
        try:
            if self._monitor is not None and not self.paused:
                await self._press_button(orderly_seconds)
            self._process.terminate()
            if not await self._ends_within(FLUSH_SECONDS):
                await self.kill()
        except BaseException:
            self.ending = self._process.exited.is_set()
            raise

    async def kill(self) -> None:
        self.ending = True
        self._process.kill()
        if not await self._ends_within(KILL_SECONDS):
            self.ending = False
            raise CommandFailed(f"QEMU process {self.pid} does not end; look at the host's disks.")

    async def plug(self, disk_id: str, slot: int, path: Path) -> None:
        """Puts the disk into the slot, unless it is there."""
        node = node_name(slot)
        if node not in await self._nodes():
            await self.execute("blockdev-add", block_node(node, str(path)))
        if device_name(disk_id) in await self._devices():
            return
        try:
            await self.execute("device_add", disk_device(disk_id, node, slot))
        except MonitorRefused:
            await self.execute("blockdev-del", {"node-name": node})
            raise

    async def unplug(self, disk_id: str, slot: int, seconds: float) -> None:
        """Takes the disk from the guest, unless it is gone.

        Raises:
            Refusal: BUSY when the guest has not let go of it by then.
        """
        device, node = device_name(disk_id), node_name(slot)
        if device in await self._devices():
            await self._ask_back(device, seconds)
        if node in await self._nodes():
            await self.execute("blockdev-del", {"node-name": node})

    async def execute(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        if self._monitor is None:
            raise CommandFailed(f"Nobody answers for the running guest in {self._directory}.")
        try:
            return await self._monitor.execute(command, arguments)
        except MonitorLost:
            await self.hang_up()
            raise

    async def contact(self) -> None:
        """Opens the conversation. Raises MonitorLost when another process answers, or none."""
        monitor = await Monitor.connect(self._directory, self._hear)
        if monitor.peer_pid != self.pid:
            await monitor.close()
            raise MonitorLost(f"Process {monitor.peer_pid} answers for process {self.pid}.")
        self._monitor = monitor

    async def regain(self, vm_id: str) -> None:
        """Speaks to a guest that an earlier agent left, or that fell silent.

        One that was never let go is ended: its start was not finished, and will be asked again.

        Raises:
            CommandFailed: it is silent, or another guest answers.
        """
        async with self._regaining:
            if self._monitor is not None:
                return
            await self.contact()
            try:
                answered = await self.execute("query-uuid")
                status = await self.execute("query-status")
            except CommandFailed:
                await self.hang_up()
                raise
            if answered["UUID"] != vm_id:
                await self.hang_up()
                raise MonitorLost(f"VM {answered['UUID']} answers for VM {vm_id}.")
            if status["status"] == "prelaunch":
                await self.kill()
            self.paused = not status["running"]

    async def hang_up(self) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            await monitor.close()

    async def release(self) -> None:
        """Lets go of the guest, which runs on."""
        self._process.release()
        await self.hang_up()

    async def _press_button(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self._process.exited.is_set():
                    await self.execute("system_powerdown")
                    await self._ends_within(BUTTON_SECONDS)
        except (TimeoutError, CommandFailed):
            return  # it would not, or it ended meanwhile

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._process.exited.wait()
        except TimeoutError:
            return False
        return True

    async def _ask_back(self, device: str, seconds: float) -> None:
        gone = self._unplugged.setdefault(device, asyncio.Event())
        try:
            await self.execute("device_del", {"id": device})
        except MonitorRefused as refusal:
            # An earlier request is still with the guest: wait for its answer.
            if "unplug" not in refusal.message:
                raise
        try:
            async with asyncio.timeout(seconds):
                await gone.wait()
        except TimeoutError as error:
            raise Refusal(
                AgentRefusal.BUSY,
                "The guest did not let go of the disk. Unmount it in the guest, or stop the guest.",
            ) from error
        finally:
            self._unplugged.pop(device, None)

    async def _devices(self) -> set[str]:
        listed = await self.execute("qom-list", {"path": "/machine/peripheral"})
        return {each["name"] for each in listed}

    async def _nodes(self) -> set[str]:
        listed = await self.execute("query-named-block-nodes", {"flat": True})
        return {each["node-name"] for each in listed}

    def _hear(self, event: Event) -> None:
        match event:
            case {"event": "DEVICE_DELETED", "data": {"device": str(device)}}:
                if device in self._unplugged:
                    self._unplugged[device].set()
            case {"event": "STOP"} if not self.paused and not self.ending:
                # By itself only when its disk is full: it may be resumed once there is room.
                self.paused = True
                self._on_change()
            case {"event": "RESUME"} if self.paused:
                self.paused = False


async def launch(directory: Path, command: list[str], on_change: Callable[[], None]) -> Running:
    """Starts QEMU with the guest waiting for `go`; a failure leaves no process."""
    running = Running(directory, spawn(command, directory, directory / QEMU_LOG), on_change)
    try:
        async with asyncio.timeout(START_SECONDS):
            await _first_contact(running)
    except TimeoutError as error:
        await running.kill()
        raise CommandFailed(f"QEMU said nothing for {START_SECONDS:.0f} s.") from error
    except BaseException:
        await running.kill()
        await running.hang_up()
        raise
    return running


async def reattach(
    directory: Path, vm_id: str, pid: int, on_change: Callable[[], None]
) -> Running | None:
    """Finds a guest that runs, as an earlier agent left it; none when it has ended.

    One that does not answer, or answers for another, is there in state ERROR.
    """
    try:
        process = Process(pid)
    except ProcessLookupError:
        return None
    running = Running(directory, process, on_change)
    with suppress(TimeoutError):
        async with asyncio.timeout(REATTACH_SECONDS):
            await _until_it_answers(running, vm_id)
    return None if running.has_ended else running


async def _until_it_answers(running: Running, vm_id: str) -> None:
    while not running.has_ended:
        try:
            await running.regain(vm_id)
            break
        except CommandFailed:
            await asyncio.sleep(CONTACT_POLL_SECONDS)


async def _first_contact(running: Running) -> None:
    while True:
        try:
            return await running.contact()
        except MonitorLost:
            if running.has_ended:
                raise CommandFailed(f"QEMU did not start: {running.last_words()}") from None
            await asyncio.sleep(CONTACT_POLL_SECONDS)
