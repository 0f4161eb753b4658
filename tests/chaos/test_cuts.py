"""A part that is cut off neither hears nor is heard, and nobody's connection ends. Real packets."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from photon.chaos.cells import Cells
from photon.chaos.cuts import Cut, Cuts
from tests.chaos.idle import Answering

ANSWER_SECONDS = 0.5  # Loopback takes microseconds; what was dropped never comes.
END_SECONDS_MAX = 30.0  # What was not acknowledged is sent again, after longer and longer.


@pytest.fixture
def two(cells: Cells) -> Iterator[tuple[Answering, Answering]]:
    if not Cuts.possible():
        pytest.skip("the packet filter is not here, or not ours to ask")
    one = Answering(cells.cell("one"), "127.0.0.1")
    other = Answering(cells.cell("other"), "127.0.0.1")
    try:
        one.start()
        other.start()
        yield one, other
    finally:
        one.end()
        other.end()


@pytest.fixture
def cuts(cells: Cells) -> Iterator[Cuts]:
    cuts = Cuts(f"photon_chaos_test_{os.getpid()}", cells, ["one", "other"])
    try:
        yield cuts
    finally:
        cuts.end()


def heard(server: Answering, caller: Cells | None = None, cell: str = "") -> bool:
    """Whether its word comes: to this process, or to one in a cell."""
    if caller is None:
        try:
            with socket.create_connection(server.place, timeout=ANSWER_SECONDS) as line:
                return line.recv(16) == b"here\n"
        except TimeoutError:
            return False
    host, port = server.place
    asks = f"import socket; socket.create_connection(({host!r}, {port}), {ANSWER_SECONDS}).recv(9)"
    command = [*caller.cell(cell).prefix(), "python3", "-c", asks]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def test_a_part_that_is_cut_off_is_reached_by_nobody_and_reaches_nobody(
    cells: Cells, cuts: Cuts, two: tuple[Answering, Answering]
) -> None:
    one, other = two
    assert heard(one)
    cuts.make(Cut("one"))
    assert not heard(one)
    assert not heard(other, cells, "one")
    assert heard(other), "whoever is not cut off is reached"
    assert heard(one, cells, "one"), "its own processes reach each other"
    cuts.mend(Cut("one"))
    assert heard(one)
    assert heard(other, cells, "one")


def test_two_parts_are_cut_off_from_each_other_alone(
    cells: Cells, cuts: Cuts, two: tuple[Answering, Answering]
) -> None:
    one, other = two
    cuts.make(Cut("one", "other"))
    assert not heard(other, cells, "one")
    assert not heard(one, cells, "other")
    assert heard(one)
    assert heard(other)


def test_a_line_that_was_open_is_silent_during_the_cut_and_goes_on_after_it(
    cuts: Cuts, two: tuple[Answering, Answering]
) -> None:
    one, _ = two
    with socket.create_connection(one.place, timeout=ANSWER_SECONDS) as line:
        assert line.recv(99) == b"here\n"
        cuts.make(Cut("one"))
        line.sendall(b"later")
        with pytest.raises(TimeoutError):
            line.recv(99)
        cuts.mend(Cut("one"))
        line.settimeout(END_SECONDS_MAX)
        assert line.recv(99) == b"later"


def test_ending_cells_ends_all_that_live_in_them(cells: Cells) -> None:
    part = Answering(cells.cell("one"), "127.0.0.1")
    part.start()
    assert part.process is not None
    assert cells.cell("one").pids() == [part.process.pid]
    cells.end()
    assert part.process.wait() == -9
    part.end()
    assert not cells.root.exists()
