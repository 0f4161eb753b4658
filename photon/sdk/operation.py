"""One description of each call serves both clients.

A noun's method builds a request and does no I/O. Wrapped as an operation, it is carried out by the
noun's caller: for an `AsyncCaller` the method is awaited, for a `Caller` it answers at once. Type
checkers know which, from the noun's type parameter. The other ways were a generated copy of every
method, and a blocking face without types.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from photon.sdk.caller import AsyncCaller, Caller
from photon.sdk.exchange import Waiting, wait_for_task
from photon.sdk.request import Listing, Request
from photon.sdk.watching import Event, Watch
from photon.wire.v1.task import Task

P = ParamSpec("P")
Answer = TypeVar("Answer")
Item = TypeVar("Item")
Face = TypeVar("Face")


class Noun(Generic[Face]):
    """A noun of the API, and who carries out its operations."""

    def __init__(self, caller: Face) -> None:
        self.caller = caller


class operation(Generic[P, Answer]):  # noqa: N801  used as a decorator, like property
    """A method that asks one thing."""

    def __init__(self, build: Callable[Concatenate[Any, P], Request[Answer]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, noun: Noun[AsyncCaller], owner: object) -> Callable[P, Awaitable[Answer]]: ...
    @overload
    def __get__(self, noun: Noun[Caller], owner: object) -> Callable[P, Answer]: ...
    def __get__(self, noun: Noun[Any], owner: object) -> Any:
        return lambda *given, **named: noun.caller.perform(self._build(noun, *given, **named))


class listing(Generic[P, Item]):  # noqa: N801  used as a decorator, like property
    """A method that lists: an iterator over all pages, each fetched when it is reached."""

    def __init__(self, build: Callable[Concatenate[Any, P], Listing[Item]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(
        self, noun: Noun[AsyncCaller], owner: object
    ) -> Callable[P, AsyncIterator[Item]]: ...
    @overload
    def __get__(self, noun: Noun[Caller], owner: object) -> Callable[P, Iterator[Item]]: ...
    def __get__(self, noun: Noun[Any], owner: object) -> Any:
        return lambda *given, **named: noun.caller.items(self._build(noun, *given, **named))


class watching(Generic[P, Item]):  # noqa: N801  used as a decorator, like property
    """A method that watches a list: an iterator of events that goes on after a cut by itself."""

    def __init__(self, build: Callable[Concatenate[Any, P], Watch[Item]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(
        self, noun: Noun[AsyncCaller], owner: object
    ) -> Callable[P, AsyncIterator[Event[Item]]]: ...
    @overload
    def __get__(self, noun: Noun[Caller], owner: object) -> Callable[P, Iterator[Event[Item]]]: ...
    def __get__(self, noun: Noun[Any], owner: object) -> Any:
        return lambda *given, **named: noun.caller.events(self._build(noun, *given, **named))


class waiting(Generic[P]):  # noqa: N801  used as a decorator, like property
    """A method that waits for a task to end."""

    def __init__(self, build: Callable[Concatenate[Any, P], Waiting]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, noun: Noun[AsyncCaller], owner: object) -> Callable[P, Awaitable[Task]]: ...
    @overload
    def __get__(self, noun: Noun[Caller], owner: object) -> Callable[P, Task]: ...
    def __get__(self, noun: Noun[Any], owner: object) -> Any:
        def wait(*given: P.args, **named: P.kwargs) -> Any:
            steps = wait_for_task(self._build(noun, *given, **named), noun.caller.around)
            return noun.caller.drive(steps)

        return wait
