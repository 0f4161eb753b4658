"""A conversation between this terminal and a guest's serial line."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

ESCAPE = b"\x1d"  # Ctrl-], as telnet has it: no guest's program needs it
INPUT_BYTES = 4096  # more than anybody types at once; a paste comes in several


def listen(line: ClientConnection, quiet_seconds: float) -> None:
    """Prints what the guest says until it has said nothing for `quiet_seconds`, or is gone."""
    try:
        while True:
            _print(line.recv(timeout=quiet_seconds))
    except (TimeoutError, ConnectionClosed):
        return


def converse(line: ClientConnection, input_fd: int, quiet_seconds: float) -> None:
    """Until the escape key, or the guest is gone; without a terminal until input and guest end."""
    if not os.isatty(input_fd):
        _send_all(line, input_fd, quiet_seconds)
        return
    gone_reader, gone_writer = os.pipe()
    printer = threading.Thread(target=_print_all, args=(line, gone_writer), daemon=True)
    with _raw(input_fd):
        printer.start()
        _type(line, input_fd, gone_reader)
        line.close()
        printer.join()
    os.close(gone_reader)
    os.close(gone_writer)


def _type(line: ClientConnection, input_fd: int, gone_fd: int) -> None:
    """Sends every key as it is pressed."""
    while True:
        ready, _, _ = select.select([input_fd, gone_fd], [], [])
        if gone_fd in ready:
            return
        keys = os.read(input_fd, INPUT_BYTES)
        before, escape, _ = keys.partition(ESCAPE)
        try:
            if before:
                line.send(before)
        except ConnectionClosed:
            return
        if escape or not keys:
            return


def _print_all(line: ClientConnection, gone_fd: int) -> None:
    try:
        while True:
            _print(line.recv())
    except ConnectionClosed:
        os.write(gone_fd, b"\0")


def _send_all(line: ClientConnection, input_fd: int, quiet_seconds: float) -> None:
    """Sends the input to its end while printing what comes back, then listens for a while."""

    def send() -> None:
        try:
            while piece := os.read(input_fd, INPUT_BYTES):
                line.send(piece)
        except ConnectionClosed:
            pass
        finally:
            sent.set()

    sent = threading.Event()
    threading.Thread(target=send, daemon=True).start()
    while not sent.is_set():
        try:
            # Input that pauses (a pipe from a slow program) must not end the conversation.
            _print(line.recv(timeout=quiet_seconds))
        except TimeoutError:
            continue
        except ConnectionClosed:
            return
    listen(line, quiet_seconds)


def _print(said: str | bytes) -> None:
    raw = said.encode() if isinstance(said, str) else said
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


@contextmanager
def _raw(fd: int) -> Iterator[None]:
    """Every key comes through, Ctrl-C too; afterwards the terminal is as it was."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
