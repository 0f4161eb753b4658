"""Thrift messages as frames: strict binary protocol, each with a 4-byte length before it.

Bodies are encoded by thriftpy2's Cython protocol in one buffer that is used again and again; heads
are small enough to be written and read here. A `Messages` belongs to one event loop.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any

# The two compiled modules come without stubs.
from thriftpy2.protocol.cybin.cybin import TCyBinaryProtocol  # type: ignore[import-not-found]
from thriftpy2.thrift import TApplicationException
from thriftpy2.transport.memory.cymemory import TCyMemoryBuffer  # type: ignore[import-not-found]

from photon.rpc.errors import BadArguments, MalformedMessage, UnknownMethod
from photon.rpc.frame_check import check_struct
from photon.rpc.service import Method, Service

BUFFER_BYTES = 64 << 10  # Holds all but full reports without growing.

_CALL, _REPLY, _EXCEPTION = 1, 2, 3
_VERSION_1 = 0x80010000
_VERSION_MASK = 0xFFFFFF00
_NAME_BYTES_MAX = 64  # Our longest method name has 14.
_HEAD = Struct(">Ii")  # version and type, length of the name
_SEQUENCE = Struct(">i")
_LENGTH = Struct(">I")


class Messages:
    """Encodes and decodes the messages of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._by_wire_name = {name.encode(): method for name, method in service.methods.items()}
        self._buffer = TCyMemoryBuffer(buf_size=BUFFER_BYTES)
        self._protocol = TCyBinaryProtocol(self._buffer, strict_decode=True)
        self._call_heads = self._heads(_CALL)
        self._reply_heads = self._heads(_REPLY)
        self._exception_heads = self._heads(_EXCEPTION)

    def call(self, method: Method, sequence: int, arguments: tuple[Any, ...]) -> bytes:
        """A whole frame. BadArguments if the arguments do not fit the thrift file."""
        assert len(arguments) == len(method.argument_names), method.name
        return self._frame(self._call_heads[method.name], sequence, method.arguments(*arguments))

    def reply(self, method: Method, sequence: int, result: Any) -> bytes:
        return self._frame(self._reply_heads[method.name], sequence, result)

    def fault(self, name: str, sequence: int, fault: TApplicationException) -> bytes:
        head = self._exception_heads.get(name) or _head(_EXCEPTION, name.encode())
        return self._frame(head, sequence, fault)

    def read_call(self, frame: bytes, elements_max: int) -> tuple[Method, int, list[Any]]:
        """The method, the sequence id and the arguments in order.

        Raises:
            MalformedMessage: these are no bytes of this protocol.
            UnservableCall: a whole call that cannot be served; it carries what its answer needs.
        """
        kind, wire_name, sequence, at = _read_head(frame)
        check_struct(frame, at, elements_max)
        method = self._by_wire_name.get(wire_name)
        if kind != _CALL:
            raise MalformedMessage("a message that is no call came to a server")
        if method is None:
            reason = UnknownMethod("this service has no such method")
            raise UnservableCall(wire_name, sequence, reason)
        arguments = vars(self._read(frame, at, method.arguments()))
        if None in arguments.values():
            raise UnservableCall(wire_name, sequence, BadArguments("an argument is missing"))
        return method, sequence, [arguments[name] for name in method.argument_names]

    def read_reply(self, frame: bytes, expected: dict[int, Method]) -> tuple[int, Any]:
        """The sequence id, and a result struct, a TApplicationException, or None if nobody waits.

        `expected` has the method of each sequence id that waits for its answer.
        """
        kind, wire_name, sequence, at = _read_head(frame)
        method = expected.get(sequence)
        if method is None:
            return sequence, None
        check_struct(frame, at)
        if kind == _EXCEPTION:
            return sequence, self._read(frame, at, TApplicationException())
        if kind != _REPLY or wire_name != method.name.encode():
            raise MalformedMessage("an answer is for another call than the one it names")
        return sequence, self._read(frame, at, method.result())

    def _heads(self, kind: int) -> dict[str, bytes]:
        return {name: _head(kind, name.encode()) for name in self._service.methods}

    def _frame(self, head: bytes, sequence: int, struct: Any) -> bytes:
        try:
            self._protocol.write_struct(struct)
        except Exception as problem:
            # Whatever the encoder trips over is a value that the thrift file has no room for.
            self._buffer.clean()
            raise BadArguments(f"a value does not fit the thrift file: {problem}") from problem
        body = self._buffer.getvalue()
        self._buffer.clean()
        length = _LENGTH.pack(len(head) + 4 + len(body))
        return b"".join((length, head, _SEQUENCE.pack(sequence), body))

    def _read(self, frame: bytes, at: int, struct: Any) -> Any:
        self._buffer.setvalue(frame[at:])
        try:
            return self._protocol.read_struct(struct)
        except UnicodeDecodeError as problem:
            raise MalformedMessage("a string is not UTF-8") from problem
        finally:
            self._buffer.clean()


class UnservableCall(Exception):
    """A well-formed call that gets a fault for an answer."""

    def __init__(self, wire_name: bytes, sequence: int, reason: BadArguments) -> None:
        super().__init__(str(reason))
        self.name = wire_name.decode("utf-8", "replace")
        self.sequence = sequence
        self.reason = reason


def _head(kind: int, wire_name: bytes) -> bytes:
    return _HEAD.pack(_VERSION_1 | kind, len(wire_name)) + wire_name


def _read_head(frame: bytes) -> tuple[int, bytes, int, int]:
    """The message's kind, name, sequence id, and where its struct starts."""
    try:
        version, name_bytes = _HEAD.unpack_from(frame)
        if version & _VERSION_MASK != _VERSION_1 or not 0 < name_bytes <= _NAME_BYTES_MAX:
            raise MalformedMessage("a message does not start as strict binary thrift does")
        at = _HEAD.size + name_bytes
        (sequence,) = _SEQUENCE.unpack_from(frame, at)
    except error as problem:
        raise MalformedMessage("a message is shorter than its own head") from problem
    return version & 0xFF, frame[_HEAD.size : at], sequence, at + _SEQUENCE.size
