"""A saga: a task's work as a plain coroutine of named steps.

The steps' results are its local variables, so the data flow is the code. After a crash the
coroutine runs again from the top, and a step that had completed returns its recorded result. The
rules that make this safe:

  1. Between steps a saga only computes. Clock, ids, store and agents are reached inside steps.
  2. `do` means "make it so", `undo` means "make it not so". Both may run twice; both are given the
     step's input, so whatever they create is named before they run.
  3. Decide in one step, act in the next: a step's result is durable before the next step begins.
  4. An error ends the saga and undoes it. An outcome to go on from is a result.
  5. The end is a `Plan`: what becomes of the entities, durable together with the task's own end.

tests/tasks/harness.py holds every saga to these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, cast, get_type_hints

import msgspec

from photon.domain.errors import PhotonError, RecordedError
from photon.domain.task import ErrorRecord
from photon.store.protocol import Write

Deps = TypeVar("Deps")
In = TypeVar("In")
Out = TypeVar("Out")
Order = TypeVar("Order")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Plan:
    """Writes that happen together with the task's end; `answer` becomes its resourceProperties."""

    writes: Sequence[Write] = ()
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Step(Generic[Deps, In, Out]):
    """One durable action. No `undo` means that there is nothing to put back.

    `shown` is the step of the API that this one is part of; by default its own name.
    """

    name: str
    do: Callable[[Deps, In], Awaitable[Out]]
    undo: Callable[[Deps, In], Awaitable[None]] | None = None
    shown: str = ""

    @property
    def operation(self) -> str:
        return self.shown or self.name

    def of(self, item: str) -> Step[Deps, In, Out]:
        """This step for one of many, as in `run(CREATE_VM.of("2"), placement)`."""
        return Step(f"{self.name}[{item}]", self.do, self.undo, self.operation)

    def decode(self, recorded: msgspec.Raw) -> Out:
        return cast(Out, _decoder(self.do).decode(recorded))


@cache
def _decoder(do: Callable[..., object]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(get_type_hints(do)["return"])


@dataclass(frozen=True, slots=True)
class Saga(Generic[Deps, Order, Result]):
    """One operation: `body` runs its steps, `finish` or `fail` says what becomes of the entities.

    `finish` and `fail` read what they decide on and return writes that name what they read; when
    somebody else was quicker they are asked again.
    """

    operation: str
    order: type[Order]
    shown: tuple[str, ...]
    body: Callable[[Run[Deps], Order], Awaitable[Result]]
    finish: Callable[[Deps, Order, Result], Awaitable[Plan]]
    fail: Callable[[Deps, Order, ErrorRecord], Awaitable[Plan]]
    steps: tuple[Step[Deps, Any, Any], ...] = ()


class Journal(Protocol):
    """Where one task's progress is kept."""

    @property
    def fence(self) -> int: ...
    def recorded(self, step: str) -> msgspec.Raw | None: ...
    def error(self) -> ErrorRecord | None: ...
    def is_undone(self, step: str) -> bool: ...
    async def starting(self, step: str, operation: str) -> None:
        """What was recorded before is durable when this returns."""
        ...

    def completed(self, step: str, result: msgspec.Raw) -> None: ...
    def failed(self, error: ErrorRecord) -> None: ...
    def undone(self, step: str) -> None: ...
    def warned(self, warning: ErrorRecord) -> None: ...
    def noted(self, options: dict[str, str]) -> None: ...
    async def flush(self) -> None: ...


@dataclass(slots=True)
class Run(Generic[Deps]):
    """One attempt at a saga. Await it with a step and the step's input to get the step's result."""

    deps: Deps
    journal: Journal
    started: list[tuple[Step[Deps, Any, Any], Any]] = field(default_factory=list)
    begins: Callable[[str], None] = lambda step: None  # told of each step that is really done

    @property
    def fence(self) -> int:
        """The order in which this owner came to own the task: agents refuse lower ones."""
        return self.journal.fence

    async def __call__(self, step: Step[Deps, In, Out], argument: In) -> Out:
        self.started.append((step, argument))
        recorded = self.journal.recorded(step.name)
        if recorded is not None:
            return step.decode(recorded)
        error = self.journal.error()
        if error is not None:
            raise RecordedError(error.code, error.message, error.data)
        await self.journal.starting(step.name, step.operation)
        self.begins(step.name)
        result = await step.do(self.deps, argument)
        # Sets in order: whoever does the step again writes the same.
        encoded = msgspec.json.encode(result, order="deterministic")
        self.journal.completed(step.name, msgspec.Raw(encoded))
        return result

    def warn(self, warning: PhotonError) -> None:
        """Shows a warning on the current step; the saga goes on."""
        record = warning.to_record()
        self.journal.warned(ErrorRecord(record["code"], record["message"], record["data"]))

    def note(self, **options: str) -> None:
        """Shows facts about the current step, such as the host that was chosen."""
        self.journal.noted(options)
