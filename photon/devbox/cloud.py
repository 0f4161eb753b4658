"""The devbox's cloud: its programs, brought up in order and taken down again."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from pathlib import Path
from typing import Final

from photon.agent.app import QEMU_DIR
from photon.agent.drivers.qemu.argv import DirectKernel
from photon.agent.drivers.qemu.boot_hints import write_boot_hint
from photon.devbox.guests import Say, resume_guests, stop_guests
from photon.devbox.layout import PORT_GROUPS, Layout
from photon.devbox.leftovers import bridges_stay, end_guests
from photon.devbox.programs import Program
from photon.devbox.seed import HostSeed, Seeded, Seeder
from photon.guestimage.build import DemoGuest, ensure
from photon.sdk.client import Client
from photon.sdk.errors import SdkError

QEMU_HOST: Final = "127.0.0.1"
READY_SECONDS_MAX: Final = 60.0  # It takes two; a loaded machine may take its time.
POLL_SECONDS: Final = 0.1  # Nobody waits longer than this for nothing.
SIMULATED_HOSTS_MAX: Final = 20_000  # What one process was seen to serve.


class DevboxFailed(Exception):
    """The cloud did not come up."""


class DevboxCloud:
    def __init__(self, layout: Layout, say: Say) -> None:
        self._layout = layout
        self._say = say
        self.client = Client(layout.api_url)
        self._started: list[Program] = []  # by this object: what a failure takes down again

    def up(self, *, simulated_hosts: int) -> Seeded:
        """Brings up what does not run yet; what was stopped goes on, VMs included.

        Raises:
            DevboxFailed, ProgramFailed, BuildFailed, SdkError, OSError: what was started for it
                is stopped again.
        """
        check_rights()
        if self._controller().pid() is None:
            check_free(self._layout.api_port)
        try:
            return self._up(simulated_hosts)
        except BaseException:  # Ctrl-C as well: half a cloud is of no use, and its logs stay.
            for program in self._started:
                program.stop()
            raise

    def _up(self, simulated_hosts: int) -> Seeded:
        guest = ensure(self._layout.guest_dir, self._say)
        hint_kernel(self._layout.agent_dir, guest)
        # Agents first: a controller waits a while for hosts that do not answer.
        self._start(self._agent(), f"agent with QEMU at {self._layout.agent_endpoint}")
        seeds = [HostSeed(QEMU_HOST, self._layout.agent_endpoint)]
        simulated = max(simulated_hosts, self._simulated())
        if simulated:
            self._grow_simulator(simulated)
            seeds += [
                HostSeed(simulated_name(number), self._layout.simulator_endpoint)
                for number in range(1, simulated + 1)
            ]
        self._start(self._controller(), f"controller at {self._layout.api_url}")
        self.wait_ready()
        seeder = Seeder(self.client, self._say)
        seeder.hosts(seeds)
        seeded = seeder.demo(guest.image, PORT_GROUPS[0], QEMU_HOST)
        resume_guests(self.client, self._started_file, self._say)
        return seeded

    def wait_ready(self) -> None:
        """Until GET /v1/system/status says READY."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                status: str = self.client.system.status().status
            except SdkError as problem:
                status = str(problem)
            if status == "READY":
                self._say("the system is READY")
                return
            if time.monotonic() > deadline:
                raise DevboxFailed(f"the system is not ready: {status}")
            time.sleep(POLL_SECONDS)

    def down(self) -> list[str]:
        """Stops the guests (the next `up` starts them again), then the programs.

        Whatever was killed before: no guest and no bridge stays.
        """
        check_rights()
        if self._controller().pid() is not None:
            stop_guests(self.client, {QEMU_HOST}, self._started_file, self._say)
        if unplugged := end_guests(self._layout.agent_dir / "datastore/vms"):
            self._say(f"{len(unplugged)} guests that nobody could stop are ended")
        if self._agent().pid() is None and bridges_stay(self._networks_file):
            self._agent().start()  # It takes them away when it ends.
        return [program.name for program in self.programs() if program.stop()]

    def programs(self) -> list[Program]:
        """In the order in which they are stopped."""
        return [self._controller(), self._agent(), self._simulator(self._simulated())]

    def _start(self, program: Program, what: str) -> None:
        fresh = program.pid() is None
        if fresh:
            self._started.append(program)
        program.start()
        self._say(f"{what} {'started' if fresh else 'runs already'}")

    def _controller(self) -> Program:
        listen = f"127.0.0.1:{self._layout.api_port}"
        return self._program(
            "controller",
            "photon.controller",
            *("--data-dir", str(self._layout.controller_dir), "--listen", listen),
        )

    def _agent(self) -> Program:
        networks = [part for name in PORT_GROUPS for part in ("--network", name)]
        return self._program(
            "agent",
            "photon.agent",
            *("--driver", "qemu", "--listen", self._layout.agent_endpoint),
            *("--state-dir", str(self._layout.agent_dir)),
            *("--network-scope", self._layout.scope, "--network-pool", self._layout.network_pool),
            *networks,
        )

    def _simulator(self, hosts: int) -> Program:
        return self._program(
            "simulator",
            "photon.agent",
            *("--driver", "simulated", "--listen", self._layout.simulator_endpoint),
            *("--state-dir", str(self._layout.simulator_dir), "--hosts", str(hosts)),
            # A persistent disk lies on the host that made it, as on real local storage.
            "--own-datastores",
        )

    def _program(self, name: str, module: str, *arguments: str) -> Program:
        return Program(name, (sys.executable, "-m", module, *arguments), self._layout.run_dir)

    def _grow_simulator(self, hosts: int) -> None:
        """One process serves them all; for more hosts than it has, it starts anew."""
        known = self._simulated()
        wanted = max(known, hosts)
        program = self._simulator(wanted)
        if wanted > known:
            program.stop()
            self._simulator_file.parent.mkdir(parents=True, exist_ok=True)
            self._simulator_file.write_text(str(wanted))
        self._start(program, f"{wanted} simulated hosts at {self._layout.simulator_endpoint}")

    def _simulated(self) -> int:
        try:
            return int(self._simulator_file.read_text())
        except (OSError, ValueError):
            return 0

    @property
    def _networks_file(self) -> Path:
        return self._layout.agent_dir / QEMU_DIR / "networks.json"

    @property
    def _simulator_file(self) -> Path:
        return self._layout.simulator_dir / "hosts"

    @property
    def _started_file(self) -> Path:
        return self._layout.run_dir / "started.json"


def hint_kernel(agent_dir: Path, guest: DemoGuest) -> None:
    """Lets the demo guest skip its boot loader, which takes half of an emulated boot."""
    kernel = DirectKernel(str(guest.kernel), str(guest.initramfs), guest.kernel_arguments)
    write_boot_hint(agent_dir / QEMU_DIR, guest.checksum, kernel)


def check_rights(user_id: int | None = None) -> None:
    """Only root makes bridges, taps and control groups. Raises DevboxFailed."""
    if (os.geteuid() if user_id is None else user_id) == 0:
        return
    command = shlex.join(["sudo", "-E", "bin/devbox", *sys.argv[1:]])
    raise DevboxFailed(
        "guests need network bridges and control groups, which only root can make. "
        f"Run it so: {command}"
    )


def check_free(port: int) -> None:
    """Raises DevboxFailed when another program listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((QEMU_HOST, port))
        except OSError as problem:
            raise DevboxFailed(
                f"127.0.0.1:{port} is taken by another program ({problem.strerror}). "
                "Stop that one, or choose another port: --port PORT"
            ) from problem


def simulated_name(number: int) -> str:
    """How a many-host agent calls its hosts."""
    return f"sim-{number:05d}"
