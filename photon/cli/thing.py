"""The verbs that most nouns have, made from a description of the noun: list, show, delete, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from photon.cli.names import resolve
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.table import Column
from photon.cli.verb import Noun
from photon.cli.watched import show_watched, watches

if TYPE_CHECKING:
    from photon.sdk.watching import Event
    from photon.wire.v1.task import Task

Command = TypeVar("Command", bound=Callable[..., Any])
COMPLETIONS_MAX = 100  # more do not help anybody to choose


@dataclass(frozen=True, slots=True)
class Thing:
    """A noun: how to list and watch it (all, or those with a name), and what a list shows."""

    noun: str
    list: Callable[[Session, str | None], Iterator[Any]]
    columns: Sequence[Column]
    label: Callable[[Any], str] = lambda one: str(one.name)
    watch: Callable[[Session, str | None], Iterator[Event[Any]]] | None = None

    @property
    def title(self) -> str:
        """The noun at the beginning of a sentence."""
        return "VM" if self.noun == "vm" else self.noun.capitalize()


class Reference(click.ParamType[str]):
    """A name or id of a thing; the shell completes names."""

    name = "name or id"

    def __init__(self, thing: Thing) -> None:
        self._thing = thing

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        session = ctx.ensure_object(Session)
        session.retries_max = 0
        try:
            labels = map(self._thing.label, self._thing.list(session, None))
            matching = (label for label in labels if label.startswith(incomplete))
            return [CompletionItem(label) for label in islice(matching, COMPLETIONS_MAX)]
        except Exception:  # a key press is no place for error messages
            return []


def reference(thing: Thing) -> Callable[[Any], Any]:
    """The argument that names one of them; the command gets it as `name`."""
    return click.argument("name", metavar=thing.noun.upper(), type=Reference(thing))


def show_tasks(session: Session, tasks: Iterator[Task]) -> None:
    from photon.cli.answer import show_list
    from photon.cli.task_table import TASK_COLUMNS

    show_list(session, TASK_COLUMNS, tasks)


def add_list(group: Noun, thing: Thing) -> None:
    @group.command("list", help=f"List every {thing.noun}, or those of one name.")
    @click.option("--name", help="Only those of this name.")
    @click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
    @(watches if thing.watch else _as_it_is)
    @pass_session
    def list_(
        session: Session, name: str | None, limit: int | None, *, watch: bool = False
    ) -> None:
        from photon.cli.answer import show_list

        def items() -> Iterator[Any]:
            found = thing.list(session, name)
            return (one for one in found if name in (None, thing.label(one)))

        if not watch:
            show_list(session, thing.columns, islice(items(), limit))
            return
        assert thing.watch is not None, "else there is no such option"
        events = (
            event
            for event in thing.watch(session, name)
            if event.item is None or name in (None, thing.label(event.item))
        )
        show_watched(session, thing.columns, events, items, limit)


def _as_it_is(command: Command) -> Command:
    return command


def add_show(group: Noun, thing: Thing, get: Callable[[Session, str], Any]) -> None:
    @group.command("show", help=f"Show one {thing.noun}.")
    @reference(thing)
    @pass_session
    def show(session: Session, name: str) -> None:
        from photon.cli.answer import show_one

        show_one(session, get(session, resolve(session, thing, name)))


def add_delete(group: Noun, thing: Thing, delete: Callable[[Session, str], Task]) -> None:
    add_action(group, thing, Action("delete", f"Delete a {thing.noun}.", "deleted", delete))


def add_delete_when_unused(
    group: Noun,
    thing: Thing,
    delete: Callable[[Session, str], Task],
    get: Callable[[Session, str], Any],
) -> None:
    """For what others may use: then it is only marked, and goes with the last who uses it."""

    @group.command("delete", help=f"Delete a {thing.noun}; one in use goes when its users do.")
    @reference(thing)
    @waits
    @pass_session
    def delete_(session: Session, name: str) -> None:
        id = resolve(session, thing, name)

        def fate(_: Task) -> str:
            from photon.sdk.errors import ApiProblem

            try:
                state = get(session, id).state
            except ApiProblem:
                return f"{thing.title} {name} is deleted."
            return f"{thing.title} {name} is {state}: it goes when nothing uses it any more."

        finish(session, delete(session, id), fate)


@dataclass(frozen=True, slots=True)
class Action:
    """A verb that takes a thing and nothing else, and makes a task: `done` is its participle."""

    verb: str
    help: str
    done: str
    ask: Callable[[Session, str], Task]


def add_action(group: Noun, thing: Thing, action: Action) -> None:
    @group.command(action.verb, help=action.help)
    @reference(thing)
    @waits
    @pass_session
    def act(session: Session, name: str) -> None:
        task = action.ask(session, resolve(session, thing, name))
        finish(session, task, lambda _: f"{thing.title} {name} is {action.done}.")


def add_tasks(
    group: Noun, thing: Thing, tasks: Callable[[Session, str, str | None], Iterator[Task]]
) -> None:
    @group.command("tasks", help=f"List the tasks of a {thing.noun}.")
    @reference(thing)
    @click.option("--state", help="Only those in this state, such as ERROR.")
    @pass_session
    def tasks_(session: Session, name: str, state: str | None) -> None:
        show_tasks(session, tasks(session, resolve(session, thing, name), state))
