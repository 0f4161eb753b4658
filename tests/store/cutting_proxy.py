"""A way to the server that can be cut at the worst moments."""

from __future__ import annotations

import asyncio
from pathlib import Path

from photon.devbox.postgres import PrivatePostgres

SOCKET = ".s.PGSQL.5432"
# Only a group calls the function; its prepared statement's first message carries the text.
GROUP_BYTES_MIN = 300


class CuttingProxy:
    """`lose_requests` and `lose_answers` say how many groups of writes are to be hit.

    A lost request never reaches the server; a lost answer was made by a server that has committed.
    In both cases all connections through the proxy are cut then.
    """

    def __init__(self, server: PrivatePostgres, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._pipes: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.lose_requests = 0
        self.lose_answers = 0
        self.frozen = False  # Takes everything, gives nothing.
        self.refusing = False  # No new connections either.
        self.cuts = 0

    async def start(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._listening = await asyncio.start_unix_server(self._accept, self._folder / SOCKET)

    def url(self, schema: str) -> str:
        return f"postgresql://photon@/postgres?host={self._folder}&search_path={schema}"

    def cut(self) -> None:
        """Cuts everybody off, whatever they are in the middle of."""
        self.cuts += 1
        for pipe in self._pipes:
            pipe.transport.abort()

    async def close(self) -> None:
        self._listening.close()
        self.cut()
        await asyncio.gather(*self._pumps)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        there = await asyncio.open_unix_connection(str(self._server.folder / SOCKET))
        self._pipes |= {writer, there[1]}
        calling = _Calling()
        self._pumps |= {
            asyncio.create_task(self._pump(reader, there[1], calling, to_server=True)),
            asyncio.create_task(self._pump(there[0], writer, calling, to_server=False)),
        }

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        calling: _Calling,
        *,
        to_server: bool,
    ) -> None:
        try:
            while some := await reader.read(1 << 16):
                if to_server:
                    calling.watch(some)
                if self._hits(calling, to_server=to_server):
                    self.cut()
                    break
                if not self.frozen:
                    writer.write(some)
                    await writer.drain()
        except (ConnectionError, OSError):
            pass
        finally:
            writer.transport.abort()

    def _hits(self, calling: _Calling, *, to_server: bool) -> bool:
        if to_server and calling.a_group and self.lose_requests:
            self.lose_requests -= 1
            return True
        if not to_server and calling.a_group and self.lose_answers:
            self.lose_answers -= 1
            return True
        return False


class _Calling:
    """Whether what the client asked last is a group: its session then only calls the function."""

    def __init__(self) -> None:
        self._prepared = False
        self.a_group = False

    def watch(self, some: bytes) -> None:
        # A Bind message with many arrays; the message before it prepared the call.
        self.a_group = self._prepared and len(some) > GROUP_BYTES_MIN
        if b"SELECT * FROM pg_temp.photon_apply" in some:
            self._prepared = True
