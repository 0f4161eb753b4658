"""With TLS, only who has a certificate that the server trusts gets a word in."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from photon.agent.config import BadConfig, TlsFiles
from photon.rpc.connection import connect
from photon.rpc.errors import CallFailed, ConnectFailed
from photon.rpc.network import TcpNetwork
from tests.rpc.conftest import SECONDS, Bench


def a_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that vouches for itself, for 127.0.0.1: the file and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext"),
            *("subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def a_client(trusts: Path, own: tuple[Path, Path] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusts)
    if own is not None:
        context.load_cert_chain(*own)
    return context


async def one_ping(network: TcpNetwork, bench: Bench) -> None:
    connection = await connect(network, bench.endpoint, bench.service)
    await connection.call("ping", (), SECONDS)


async def test_only_callers_with_a_trusted_certificate_are_served(
    bench: Bench, tmp_path: Path
) -> None:
    server, client = a_certificate(tmp_path, "agent"), a_certificate(tmp_path, "controller")
    stranger = a_certificate(tmp_path, "stranger")
    bench.network = TcpNetwork(server_tls=TlsFiles(*server, client[0]).context())
    await bench.start()

    known = TcpNetwork(client_tls=a_client(server[0], client))
    connection = await connect(known, bench.endpoint, bench.service)
    answers = await asyncio.gather(*(connection.call("ping", (), SECONDS) for _ in range(100)))
    assert set(answers) == {"pong"}
    connection.close()

    for own in (None, stranger):
        network = TcpNetwork(client_tls=a_client(server[0], own))
        with pytest.raises(CallFailed, match="the certificate of this side"):
            await one_ping(network, bench)

    with pytest.raises(ConnectFailed, match="shows a certificate that is not trusted here"):
        await connect(
            TcpNetwork(client_tls=a_client(stranger[0], client)), bench.endpoint, bench.service
        )


async def test_a_certificate_for_another_address_is_refused_and_named(
    bench: Bench, tmp_path: Path
) -> None:
    server, client = a_certificate(tmp_path, "agent"), a_certificate(tmp_path, "controller")
    bench.network = TcpNetwork(server_tls=TlsFiles(*server, client[0]).context())
    await bench.start()
    elsewhere = bench.endpoint.replace("127.0.0.1", "localhost")
    with pytest.raises(ConnectFailed, match=r"mismatch.*name that address"):
        await connect(TcpNetwork(client_tls=a_client(server[0], client)), elsewhere, bench.service)


async def test_who_speaks_tls_to_who_does_not_is_told(bench: Bench, tmp_path: Path) -> None:
    certificate = a_certificate(tmp_path, "controller")
    await bench.start()
    with pytest.raises(ConnectFailed, match="TLS"):
        await connect(
            TcpNetwork(client_tls=a_client(certificate[0], certificate)),
            bench.endpoint,
            bench.service,
        )


def test_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    with pytest.raises(BadConfig, match="TLS"):
        files.context()
