"""No bytes get past the check that the decoder could run away with."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photon.domain.guest import GuestDisk, GuestNic, GuestSpec, ImageSource
from photon.rpc import agent_messages
from photon.rpc.errors import BadArguments, MalformedMessage
from photon.rpc.frame_check import check_struct
from photon.rpc.messages import Messages, UnservableCall

SERVICE = agent_messages.agent_service()
SPEC = GuestSpec(
    "vm",
    "name",
    1,
    64,
    "ds",
    ImageSource("i", "c", 1, "u"),
    (GuestDisk("d", 1, boot=True),),
    (GuestNic("n", "m"),),
    {"a": "b"},
)
FRAME = Messages(SERVICE).call(
    SERVICE.methods["create_vm"], 7, ("host", 5, agent_messages.spec_to(SPEC))
)[4:]


def read(frame: bytes) -> None:
    """What a server does with a frame: it may refuse it in these ways, and no other."""
    try:
        method, _, arguments = Messages(SERVICE).read_call(frame, 1000)
        if method.name == "create_vm":
            agent_messages.spec_of(arguments[2])
    except (MalformedMessage, UnservableCall, BadArguments):
        pass


def test_a_whole_call_is_read_as_it_was_sent() -> None:
    method, sequence, [host_id, fence, spec] = Messages(SERVICE).read_call(FRAME, 1000)
    assert (method.name, sequence, host_id, fence) == ("create_vm", 7, "host", 5)
    assert agent_messages.spec_of(spec) == SPEC


@pytest.mark.parametrize("cut", range(0, len(FRAME), 7))
def test_a_call_that_was_cut_short_is_malformed(cut: int) -> None:
    with pytest.raises(MalformedMessage):
        Messages(SERVICE).read_call(FRAME[:cut], 1000)


@given(st.data())
def test_no_changed_byte_gets_more_than_a_refusal(data: st.DataObject) -> None:
    frame = bytearray(FRAME)
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(frame))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00")
def test_no_garbage_gets_more_than_a_refusal(garbage: bytes) -> None:
    head = b"\x80\x01\x00\x01\x00\x00\x00\x09create_vm\x00\x00\x00\x01"
    read(garbage)
    read(head + garbage)


def a_field(kind: int, body: bytes) -> bytes:
    return struct.pack(">Bh", kind, 99) + body + b"\0"


@pytest.mark.parametrize(
    "hostile",
    [
        a_field(15, struct.pack(">Bi", 99, 2**31 - 1)),  # elements of a type that takes no bytes
        a_field(15, struct.pack(">Bi", 3, -1)),
        a_field(14, struct.pack(">Bi", 12, 1001) + b"\0" * 1001),  # more elements than allowed
        a_field(13, struct.pack(">BBi", 1, 1, 2**31 - 1)),
        a_field(11, struct.pack(">i", -5)),
        a_field(11, struct.pack(">i", 2**31 - 1)),
        a_field(7, b""),
        b"\x0c\x00\x01" * 40 + b"\0" * 41,  # structs in structs
        b"\0\0",
    ],
)
def test_lengths_and_types_that_nobody_means_are_malformed(hostile: bytes) -> None:
    with pytest.raises(MalformedMessage):
        check_struct(hostile, 0, 1000)


def test_a_struct_that_lacks_a_field_is_refused_whole() -> None:
    spec = agent_messages.spec_to(SPEC)
    spec.image = None
    with pytest.raises(BadArguments, match="image"):
        agent_messages.spec_of(spec)
