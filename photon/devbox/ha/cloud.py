"""The whole cloud: its parts by name, brought up in order, and what may be done to each."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from photon.devbox.cloud import DevboxFailed, check_rights, hint_kernel
from photon.devbox.guests import Say, resume_guests, stop_guests
from photon.devbox.ha import postgres, servers, zookeeper
from photon.devbox.ha.groups import remove_cgroups
from photon.devbox.ha.layout import HaLayout, members
from photon.devbox.ha.secrets import make_authority
from photon.devbox.ha.servers import Shape
from photon.devbox.layout import PORT_GROUPS
from photon.devbox.leftovers import bridges_stay, end_guests
from photon.devbox.programs import Program
from photon.devbox.seed import Seeded, Seeder
from photon.guestimage.build import ensure
from photon.sdk.client import Client, Settings
from photon.sdk.errors import SdkError

POLL_SECONDS: Final = 0.2  # Nobody waits longer than this for nothing.
READY_SECONDS_MAX: Final = 90.0  # It takes ten; a loaded machine may take its time.
BLANK_IMAGE_BYTES: Final = 1 << 20
STOP_SECONDS_MAX: Final = 45.0  # Controllers say farewell for five, and wait for tasks for ten.


@dataclass(frozen=True, slots=True)
class PartState:
    """`role` is what it is among its kind, such as primary or leader; "" when it is nothing."""

    name: str
    address: str
    state: str
    role: str


class HaCloud:
    """Parts: zookeeper-1..3, postgres-1..3 (with its Patroni), agent-qemu-N, agent-simulated-N,
    controller-1..3, haproxy. None but `up` and `down` waits for the cloud to be well again."""

    def __init__(self, layout: HaLayout, say: Say) -> None:
        self.layout = layout
        self.say = say

    def client(self) -> Client:
        """Through haproxy. Its certificate's authority exists once the cloud came up."""
        return Client(self.layout.api_url, Settings(ca_file=str(self.layout.ca_file)))

    @property
    def shape(self) -> Shape:
        """As the first `up` made it; nothing before."""
        try:
            return msgspec.json.decode(self._shape_file.read_bytes(), type=Shape)
        except FileNotFoundError:
            return Shape(0, 0)

    # --- Parts ---

    def parts(self) -> dict[str, Program]:
        """All, in the order in which they are started."""
        layout, shape = self.layout, self.shape
        parts = [zookeeper.zookeeper(layout, n) for n in members()]
        parts += [postgres.postgres(layout, n) for n in members()]
        parts += [servers.qemu_agent(layout, n) for n in shape.qemu_agents()]
        parts += [servers.simulator(layout, n, shape.hosts_of(n)) for n in shape.simulators()]
        parts += [servers.controller(layout, n) for n in members()]
        parts.append(servers.proxy(layout))
        return {program.name: program for program in parts}

    def part(self, name: str) -> Program:
        """Raises DevboxFailed when there is no such part."""
        parts = self.parts()
        if name not in parts:
            raise DevboxFailed(f"there is no part {name}; there are {', '.join(parts)}")
        return parts[name]

    def start(self, name: str) -> None:
        """Starts it, and returns when it is ready; one that is frozen goes on."""
        program = self.part(name)
        program.thaw()
        if program.pid() is None:
            self._launch(program)
            program.wait_ready(READY_SECONDS_MAX)

    def launch(self, name: str) -> None:
        """Starts it, if it does not run, and does not wait until it is ready."""
        program = self.part(name)
        if program.pid() is None:
            self._launch(program)

    def start_ended(self) -> list[str]:
        """What a service manager does: starts whichever does not run. Those that did not."""
        ended = [name for name, program in self.parts().items() if program.pid() is None]
        for name in ended:
            self.launch(name)
        for name in ended:
            self.start(name)
        return ended

    def stop(self, name: str) -> bool:
        """In order. False when it did not run."""
        return self.part(name).stop(STOP_SECONDS_MAX)

    def kill(self, name: str) -> bool:
        """kill -9 of all its processes, as a power cut would. Guests run on. False: none ran."""
        return self.part(name).kill()

    def kill_database(self, name: str) -> bool:
        """kill -9 of postgres-N's database server, whose Patroni lives."""
        return postgres.kill_server(self.layout, self._number(name, postgres.KIND))

    def freeze(self, name: str) -> None:
        """SIGSTOP of all its processes."""
        self.part(name).freeze()

    def thaw(self, name: str) -> None:
        self.part(name).thaw()

    def primary(self) -> str | None:
        """The name of PostgreSQL's primary; None while there is none."""
        number = postgres.primary(self.layout)
        return None if number is None else f"{postgres.KIND}-{number}"

    def switchover(self, to: str | None = None) -> str:
        """Another member becomes the primary, in order; what Patroni says."""
        leader = self.primary()
        if leader is None:
            raise DevboxFailed("PostgreSQL has no primary now. Wait, then try again.")
        if to is None:
            others = [f"{postgres.KIND}-{n}" for n in members()]
            to = next(name for name in others if name != leader)
        return postgres.switchover(self.layout, self._number(to, postgres.KIND))

    def status(self) -> list[PartState]:
        return [
            PartState(name, self.address(name), _state(program), self._role(name, program))
            for name, program in self.parts().items()
        ]

    def address(self, name: str) -> str:
        """Where it listens, without a port."""
        kind, _, number = name.rpartition("-")
        of: dict[str, Callable[[int], str]] = {
            zookeeper.KIND: self.layout.zookeeper_host,
            postgres.KIND: self.layout.postgres_host,
            servers.CONTROLLER: self.layout.controller_host,
            servers.QEMU: self.layout.agent_host,
            servers.SIMULATED: lambda n: servers.simulator_host(self.layout, n),
        }
        self.part(name)  # so that a name that is none is told
        return self.layout.proxy_host if name == servers.PROXY else of[kind](int(number))

    def _role(self, name: str, program: Program) -> str:
        if program.pid() is None or program.frozen():
            return ""
        kind, _, number = name.rpartition("-")
        if kind == zookeeper.KIND:
            return zookeeper.mode(self.layout, int(number))
        if kind == postgres.KIND:
            return postgres.role(self.layout, int(number))
        return ""

    # --- The whole ---

    def up(self, shape: Shape) -> Seeded:
        """Brings up what does not run; what was frozen goes on.

        Raises:
            DevboxFailed, ProgramFailed, BuildFailed, SdkError, OSError: what was started for it
                is stopped again.
        """
        if shape.qemu:
            check_rights()
        self._prepare(shape)
        running = [name for name, program in self.parts().items() if program.pid() is not None]
        try:
            return self._up()
        except BaseException:  # Ctrl-C as well: half a cloud is of no use, and its logs stay.
            self._stop_all(name for name in self.parts() if name not in running)
            raise

    def _prepare(self, shape: Shape) -> None:
        for folder in (self.layout.root, self.layout.secrets_dir):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)  # PostgreSQL's user must find what is its own.
        if not self._shape_file.exists():
            self._shape_file.write_bytes(msgspec.json.encode(shape))
        elif self.shape != shape:
            raise DevboxFailed(
                f"this cloud has {self.shape.simulated} simulated hosts and {self.shape.qemu} "
                "with QEMU. Leave the options out, or begin anew with --fresh."
            )
        make_authority(self.layout.ca_file)

    def _up(self) -> Seeded:
        shape, layout = self.shape, self.layout
        guest = ensure(layout.guest_dir, self.say) if shape.qemu else None
        for number in shape.qemu_agents():
            assert guest is not None
            hint_kernel(layout.part_dir(f"{servers.QEMU}-{number}"), guest)
        for kind, what in (
            (zookeeper.KIND, "the ZooKeeper ensemble has a quorum"),
            (postgres.KIND, "PostgreSQL has a primary and two standbys"),
            ("agent", "the agents listen"),
            (servers.CONTROLLER, "the controllers serve"),
            (servers.PROXY, f"haproxy listens at {layout.api_url}"),
        ):
            self._bring_up([name for name in self.parts() if name.startswith(kind)])
            if kind == postgres.KIND:
                self.wait_standbys()
            self.say(what)
        with self.client() as client:
            self.wait_ready()
            self.say("the system is READY")
            seeder = Seeder(client, self.say)
            seeder.hosts(servers.host_seeds(layout, shape))
            image = guest.image if guest is not None else self._blank_image()
            seeded = seeder.demo(image, PORT_GROUPS[0], layout.agent_host(1))
            resume_guests(client, self._started_file, self.say)
        return seeded

    def _bring_up(self, names: list[str]) -> None:
        """All of a kind at once: members of an ensemble wait for each other."""
        programs = [self.part(name) for name in names]
        for program in programs:
            program.thaw()
            if program.pid() is None:
                self._launch(program)
        for program in programs:
            program.wait_ready(READY_SECONDS_MAX)

    def _launch(self, program: Program) -> None:
        kind, _, number = program.name.rpartition("-")
        if kind == zookeeper.KIND:
            zookeeper.configure(self.layout, int(number))
        elif kind == postgres.KIND:
            postgres.configure(self.layout, int(number))
        elif kind == servers.CONTROLLER:
            servers.configure_controller(self.layout, int(number))
        elif program.name == servers.PROXY:
            servers.configure_proxy(self.layout)
        program.launch()

    def wait_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Until every part is well, as GET /v1/system/status says it through haproxy."""

        def ready() -> str:
            try:
                with self.client() as client:
                    said: str = client.system.status().status
            except SdkError as problem:
                said = str(problem)
            return "" if said == "READY" else said

        _until(ready, "the system is not ready", seconds_max)

    def wait_standbys(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Until PostgreSQL has a primary that takes writes, all others follow it, and any one of
        them is enough for a commit."""
        whole = [postgres.LEADER, *[postgres.STANDBY] * (len(members()) - 1)]

        def ready() -> str:
            told = [
                f"{member.get('role')} {member.get('state')}"
                for member in postgres.cluster(self.layout).get("members", ())
            ]
            if sorted(told) == whole and self.primary() is not None:
                return ""
            return ", ".join(told) or "Patroni does not answer"

        _until(ready, "PostgreSQL is not whole", seconds_max)

    def wait_primary(
        self, *, other_than: Collection[str], seconds_max: float = READY_SECONDS_MAX
    ) -> None:
        """Until a member that is none of these takes writes."""

        def ready() -> str:
            leader = self.primary()
            return "" if leader and leader not in other_than else f"{leader or 'nobody'} leads"

        _until(ready, "PostgreSQL has no other primary", seconds_max)

    def wait_well(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Until one more failure may come: all standbys follow, all parts are READY."""
        self.wait_standbys(seconds_max)
        self.wait_ready(seconds_max)

    def down(self) -> list[str]:
        """Stops the guests (the next `up` starts them again), then all parts; who was stopped."""
        shape = self.shape
        if shape.qemu:
            check_rights()
        for program in self.parts().values():
            program.thaw()
        qemu = {self.layout.agent_host(number) for number in shape.qemu_agents()}
        if qemu and self.part(servers.PROXY).pid() is not None:
            with self.client() as client:
                stop_guests(client, qemu, self._started_file, self.say)
        for number in shape.qemu_agents():
            if ended := end_guests(servers.guests_dir(self.layout, number)):
                self.say(f"{len(ended)} guests that nobody could stop are ended")
            agent = self.part(f"{servers.QEMU}-{number}")
            if agent.pid() is None and bridges_stay(servers.networks_file(self.layout, number)):
                agent.start()  # It takes them away when it ends.
        stopped = self._stop_all(self.parts())
        remove_cgroups(self.layout, [*self.parts()])
        return stopped

    def _stop_all(self, names: Iterable[str]) -> list[str]:
        """Those of a kind at once, and those first that others serve."""
        left, stopped = [*names], []
        # Patroni, asked to stop a primary, makes another one first: standbys go before it.
        leader = self.primary()
        for kind in (servers.PROXY, servers.CONTROLLER, "agent", postgres.KIND, zookeeper.KIND):
            of_kind = [name for name in left if name.startswith(kind) and name != leader]
            with ThreadPoolExecutor(len(of_kind) or 1) as pool:
                ended = [*pool.map(self.stop, of_kind)]
            stopped += [name for name, ran in zip(of_kind, ended, strict=True) if ran]
            if kind == postgres.KIND and leader in left and self.stop(leader):
                stopped.append(leader)
        return stopped

    def destroy(self) -> None:
        """Takes it down and forgets all that it kept, but for the guest's image."""
        self.down()
        for entry in self.layout.root.glob("*"):
            if entry != self.layout.guest_dir:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    @contextmanager
    def running(self, shape: Shape) -> Iterator[Seeded]:
        """Up for as long as this lasts, then down."""
        try:
            yield self.up(shape)
        finally:
            self.down()

    def _blank_image(self) -> Path:
        """What simulated guests boot from: a boot record's signature is the least of an image."""
        file = self.layout.root / "blank.img"
        content = bytearray(BLANK_IMAGE_BYTES)
        content[510:512] = b"\x55\xaa"
        file.write_bytes(content)
        return file

    def _number(self, name: str, kind: str) -> int:
        self.part(name)  # so that a name that is none is told
        of, _, number = name.rpartition("-")
        if of != kind:
            raise DevboxFailed(f"{name} is not one of {kind}-1 to {kind}-{len(members())}")
        return int(number)

    @property
    def _shape_file(self) -> Path:
        return self.layout.root / "shape.json"

    @property
    def _started_file(self) -> Path:
        return self.layout.run_dir / "started.json"


def _state(program: Program) -> str:
    if program.pid() is None:
        return "stopped"
    return "frozen" if program.frozen() else "runs"


def _until(problem: Callable[[], str], what: str, seconds_max: float) -> None:
    deadline = time.monotonic() + seconds_max
    while said := problem():
        if time.monotonic() > deadline:
            raise DevboxFailed(f"{what}: {said}")
        time.sleep(POLL_SECONDS)
