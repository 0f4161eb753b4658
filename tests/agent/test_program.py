"""The agent as a process of its own: how it starts, ends, is killed, and refuses to start."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from photon.agent.app import Ready
from photon.agent.main import main
from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.agent_client.errors import AgentUnreachable
from photon.controller.configure import configured
from photon.controller.outside import real_outside
from photon.controller.settings import read_settings
from photon.domain.guest import AgentRefusal, GuestState, PowerOp
from photon.outside.clock import RealClock
from photon.rpc.network import TcpNetwork
from tests.agent.conftest import a_provision, a_spec
from tests.drivers.arrange import refused
from tests.rpc.test_tls import a_certificate

START_SECONDS = 60.0  # A Python process on a loaded machine.


class Program:
    """Agent processes that a test started; what still runs at its end is killed."""

    def __init__(self) -> None:
        self._started: list[asyncio.subprocess.Process] = []

    async def launch(self, *options: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "photon.agent", "--driver", "simulated", "--listen", "127.0.0.1:0", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._started.append(process)
        return process

    async def start(self, *options: str) -> tuple[asyncio.subprocess.Process, Ready]:
        process = await self.launch(*options)
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        return process, msgspec.json.decode(line, type=Ready)

    async def end(self) -> None:
        for process in self._started:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    program = Program()
    yield program
    await program.end()


@pytest.fixture
async def client() -> AsyncIterator[AgentClient]:
    client = AgentClient(TcpNetwork(), RealClock())
    yield client
    await client.close()


async def test_an_agent_serves_ends_and_finds_everything_again(
    program: Program, client: AgentClient, tmp_path: Path
) -> None:
    options = ("--state-dir", str(tmp_path / "state"), "--hosts", "3")
    process, ready = await program.start(*options)
    assert (ready.hosts, ready.driver, ready.pid) == (3, "simulated", process.pid)
    host = HostAddress(ready.listen, "host-1")
    await client.provision(ready.listen, a_provision())
    await client.create_vm(host, 5, a_spec())
    await client.power_vm(host, 6, "vm-1", PowerOp.START)

    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    _, ready = await program.start(*options)
    host = HostAddress(ready.listen, "host-1")
    [guest] = (await client.inventory(host)).guests
    assert (guest.vm_id, guest.state, guest.fence) == ("vm-1", GuestState.STARTED, 6)
    with refused(AgentRefusal.STALE_FENCE):
        await client.delete_vm(host, 5, "vm-1", force=True)


async def test_an_agent_that_ends_answers_who_waits_for_changes(
    program: Program, client: AgentClient
) -> None:
    process, ready = await program.start()
    batch = await client.report(ready.listen, "", 0, 0)
    poll = asyncio.create_task(client.report(ready.listen, batch.boot_id, batch.cursor, 30_000))
    await client.ping(ready.listen)  # By now the poll is there too.
    process.send_signal(signal.SIGTERM)
    assert (await poll).boot_id == batch.boot_id
    assert await process.wait() == 0


async def test_what_was_answered_outlives_a_kill(
    program: Program, client: AgentClient, tmp_path: Path
) -> None:
    options = ("--state-dir", str(tmp_path / "state"))
    process, ready = await program.start(*options)
    host = HostAddress(ready.listen, "host-1")
    await client.provision(ready.listen, a_provision())
    creating = [
        asyncio.create_task(client.create_vm(host, 1, a_spec(f"vm-{number}", memory_mib=1)))
        for number in range(50)
    ]
    await asyncio.wait(creating, return_when=asyncio.FIRST_COMPLETED)
    process.kill()
    answers = await asyncio.gather(*creating, return_exceptions=True)
    answered = {f"vm-{n}" for n, answer in enumerate(answers) if not isinstance(answer, Exception)}
    assert answered
    assert all(
        isinstance(answer, AgentUnreachable) for answer in answers if isinstance(answer, Exception)
    )
    _, ready = await program.start(*options)
    inventory = await client.inventory(HostAddress(ready.listen, "host-1"))
    assert answered <= {guest.vm_id for guest in inventory.guests}


async def test_over_tls_an_agent_and_a_controller_know_each_other_by_their_certificates(
    program: Program, tmp_path: Path
) -> None:
    """The controller's side is what its settings make of it."""
    own, theirs, strange = [a_certificate(tmp_path, name) for name in ("agent", "ours", "other")]
    _, ready = await program.start(
        *("--tls-certificate", str(own[0]), "--tls-key", str(own[1])),
        *("--tls-client-ca", str(theirs[0])),
    )
    assert "The agent at" not in await _pinged(tmp_path, ready, (own[0], *theirs))
    assert "the certificate of this side" in await _pinged(tmp_path, ready, (own[0], *strange))
    assert "certificate that is not trusted here" in await _pinged(
        tmp_path, ready, (strange[0], *theirs)
    )
    assert "does it want TLS" in await _pinged(tmp_path, ready, None)


async def _pinged(folder: Path, ready: Ready, tls: tuple[Path, Path, Path] | None) -> str:
    """What a controller with these files hears of the agent, or what is wrong."""
    flags: dict[str, object] = {"data_dir": str(folder / "controller")}
    for name, file in zip(("ca", "certificate", "key"), tls or (), strict=False):
        flags[f"agents_{name}"] = str(file)
    config = configured(read_settings(flags, {}, None))
    client = AgentClient(real_outside(config).agents, RealClock())
    try:
        return await client.ping(ready.listen)
    except AgentUnreachable as problem:
        return str(problem)
    finally:
        await client.close()


async def test_two_agents_cannot_share_a_state_directory(program: Program, tmp_path: Path) -> None:
    options = ("--state-dir", str(tmp_path))
    process, _ = await program.start(*options)
    second = await program.launch(*options)
    _, said = await second.communicate()
    assert second.returncode == 2
    assert f"process {process.pid}" in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--driver", "qemu"), "--state-dir"),
        (("--driver", "simulated", "--listen", "nowhere"), "host:port"),
        (("--driver", "simulated", "--listen", "127.0.0.1:99999"), "host:port"),
        (("--driver", "simulated", "--hosts", "0"), "from 1 to"),
        (("--driver", "simulated", "--cpus", "0"), "at least 1 CPU"),
        (("--driver", "simulated", "--latency", "dance=1"), "create_vm"),
        (("--driver", "simulated", "--latency", "create_vm=soon"), "create_vm=0.5"),
        (("--driver", "simulated", "--console-listen", "0.0.0.0:0"), "--console-host"),
        (("--driver", "simulated", "--username", "root"), "--password-file"),
        (("--driver", "simulated", "--tls-key", "key.pem"), "go together"),
        (("--driver", "simulated", "--datastore", "x"), "name=directory"),
        (("--driver", "simulated", "--datastore", "nas=,shared"), "name=directory,shared"),
        (("--driver", "simulated", "--network-pool", "x"), "IPv4 network"),
        (("--driver", "simulated", "--listen", "192.0.2.77:1"), "Cannot listen"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_what_would_do(
    options: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_the_help_says_what_each_option_does() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for option in main.params:
        assert option.opts[0] in result.stdout
