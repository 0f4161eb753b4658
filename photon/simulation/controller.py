"""A controller's program: the production one, with an outside that the simulation owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import falcon.asgi

from photon.api.direct import DirectEdge
from photon.controller.config import ControllerConfig
from photon.controller.outside import Outside
from photon.controller.process import ControllerProcess
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.simulation.api_door import ApiDoor
from photon.simulation.clock import DriftingClock
from photon.simulation.loop import SimulatedLoop
from photon.simulation.network import Attached, SimulatedNetwork
from photon.simulation.process import Process
from photon.simulation.trace import Trace

API_PORT: Final = 9000
NODES_PORT: Final = 9001
STORE_URL: Final = "postgresql://store/photon"  # Shown in the status alone: it is shared.
RESTART_SECONDS: Final = 2.0  # What a service manager waits before it starts a program again.

# What a life of a controller has of the outside: its process, and its machine's clock.
MakeOutside = Callable[["SimulatedController"], Outside]


@dataclass(frozen=True, slots=True)
class Site:
    """What all controllers share."""

    loop: SimulatedLoop
    network: SimulatedNetwork
    trace: Trace
    outside: MakeOutside
    expire: Callable[[str], None]  # ends the coordination's session of the program of that name
    shape: TreeShape
    policy: Policy


class LateApp:
    """A program's application, made when somebody first asks it: that takes milliseconds, and in
    many lives all requests go the short way."""

    def __init__(self, program: ControllerProcess) -> None:
        self._program = program
        self._app: falcon.asgi.App[Any, Any] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        if self._app is None:
            self._app = self._program.make_app()
        await self._app(scope, receive, send)


class SimulatedController:
    """`serving` is None until it can be asked, and when it is dead."""

    def __init__(self, name: str, site: Site) -> None:
        self.name = name
        self.clock = DriftingClock(site.loop)
        self.serving: tuple[DirectEdge, LateApp] | None = None
        self.program: ControllerProcess | None = None
        self.lives = 0
        self.left: set[str] = set()  # the members that it was and took leave of being
        self._site = site
        self.process = Process(name, site.loop)
        self._started = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}"

    @property
    def endpoint(self) -> str:
        return f"{self.name}:{API_PORT}"

    @property
    def alive(self) -> bool:
        return self.process.alive

    @property
    def frozen(self) -> bool:
        return self.process.frozen

    async def start(self) -> None:
        """Returns when it serves. If it fails, it is started again and again."""
        self._begin()
        await self._started.wait()

    def crash(self, *, silently: bool = False) -> None:
        """Kill -9. `silently`: with its machine, so that nobody resets its connections."""
        if self.alive:
            self._site.trace.say("crash", process=self.name, silently=silently)
            self._end(silently=silently)

    async def restart(self) -> None:
        """A new life; crashes first, if it lives. Returns when it serves."""
        self.crash()
        self.begin_again()
        await self._started.wait()

    def begin_again(self) -> None:
        """As `restart`, of who is dead; whether it comes to serve is not awaited."""
        if not self.alive:
            self._site.trace.say("restart", process=self.name)
            self._begin()

    def freeze(self) -> None:
        self._site.trace.say("freeze", process=self.name)
        self.process.freeze()

    def thaw(self) -> None:
        self._site.trace.say("thaw", process=self.name)
        self.process.thaw()

    def expire_session(self) -> None:
        """The coordination takes it for dead, though it lives."""
        self._site.trace.say("expire", process=self.name)
        self._site.expire(self.name)

    def _begin(self) -> None:
        self._site.network.conditions.dark.discard(self.name)
        self._started.clear()
        self.lives += 1
        self.process = Process(self.name, self._site.loop)
        self.process.create_task(self._live(self.process))

    def _end(self, *, silently: bool) -> None:
        self.serving = self.program = None
        if silently:
            self._site.network.conditions.dark.add(self.name)
        self.process.kill(silently=silently)

    async def _live(self, process: Process) -> None:
        """One life, in its own process: what `photon.controller.serve` does, without sockets."""
        outside = self._site.outside(self)
        program = ControllerProcess(self._config(), outside)
        try:
            await program.start()
        except Exception as problem:  # As at the edge of the real program: it ends with this.
            self._site.trace.say("start-failed", process=self.name, problem=type(problem).__name__)
            self._exit(process)
            return
        self.program, self.serving = program, (program.direct, LateApp(program))
        network = Attached(self._site.network, process)
        door = ApiDoor(network, self.endpoint, self.serving, outside.ids)
        self._site.trace.say("serving", process=self.name, life=self.lives)
        self._site.loop.call_soon(self._started.set, context=self._site.loop.outside.context)
        await program.stopping.wait()
        self._site.trace.say("stopping", process=self.name)
        self.serving = None
        self.left.add(program.id)
        program.answer_waiting()
        await door.close()
        await program.stop()
        self._exit(process)

    def _exit(self, process: Process) -> None:
        """The program ends by itself; somebody outside notices, and starts it again."""
        outside = self._site.loop.outside
        outside.call_soon(self._ended, process)

    def _ended(self, process: Process) -> None:
        if process is self.process and process.alive:
            self._site.trace.say("exit", process=self.name)
            self._end(silently=False)
            loop = self._site.loop
            loop.outside.call_at(loop.time() + RESTART_SECONDS, self._rise, process)

    def _rise(self, process: Process) -> None:
        if process is self.process:
            self._begin()

    def _config(self) -> ControllerConfig:
        return ControllerConfig(
            data_dir=Path(self.name),
            advertise=self.url,
            name=self.name,
            store=STORE_URL,
            nodes=(self.name, NODES_PORT),
            shape=self._site.shape,
            policy=self._site.policy,
        )
