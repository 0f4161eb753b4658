"""A real controller with two real agents of simulated hosts, each a process; and a world in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import BenchProcess
from tests.clients.go_client import TABLE_POLL_SECONDS, Form, GoClient, Json
from tests.clients.go_structs import TASK

ANY_PORT = "127.0.0.1:0"
HOSTS = "/v1/infrastructure/hosts"
SLOW = ("create_vm", "start", "create_disk", "capture")
SLOW_SECONDS = 1.0
QUICK_HOSTS = (1, 2)  # of the first agent
SLOW_HOST = 5  # of the second
SLOW_NETWORK = "Slow Network"
NETWORKS = tuple(f"pg-{number}" for number in range(20))


def raw_image(size: int = 1 << 20) -> bytes:
    """A disk that a machine could boot from, as far as a boot sector can tell."""
    content = bytearray(size)
    content[510:512] = b"\x55\xaa"
    content[1024:1040] = uuid.uuid4().bytes  # noqa: TID251 - so that each is another image
    return bytes(content)


def cost(*items: tuple[str, float, str]) -> list[Json]:
    return [{"key": key, "value": value, "unit": unit} for key, value, unit in items]


def flavor(name: str, kind: str) -> Json:
    """As the CLI sends the ones of its guide."""
    costs = {
        "vm": (("vm", 1, "COUNT"), ("vm.cpu", 1, "COUNT"), ("vm.memory", 0.5, "GB")),
        "ephemeral-disk": (("ephemeral-disk", 1, "COUNT"),),
        "persistent-disk": (("persistent-disk", 1, "COUNT"),),
    }
    return {"name": name, "kind": kind, "cost": cost(*costs[kind])}


@dataclass
class World:
    """Ids of what VMs need. `unique` makes names that nobody else in the cloud has."""

    client: GoClient
    agents: tuple[str, str]
    hosts: dict[int, str]
    tenant: str
    project: str
    image: str
    subnet: str
    slow_subnet: str = ""
    _names: int = 0
    _networks: int = 0

    def unique(self, word: str = "n") -> str:
        self._names += 1
        return f"{word}-{self._names}"

    def network(self) -> str:
        """A port group that no subnet has yet."""
        self._networks += 1
        return NETWORKS[self._networks]

    def host_spec(self, number: int, **changes: Any) -> Json:
        spec: Json = {
            "username": "root",
            "password": "secret",
            "zone": "",
            "metadata": {"AGENT_ENDPOINT": self.agents[0]},
            "address": f"sim-{number:05}",
            "usageTags": ["CLOUD"],
        }
        return spec | changes

    def vm_spec(self, **changes: Any) -> Json:
        """As the CLI sends it: nulls for what was not said."""
        spec: Json = {
            "flavor": "tiny",
            "sourceImageId": self.image,
            "attachedDisks": [
                {"flavor": "boot", "kind": "ephemeral-disk", "name": "boot-1", "bootDisk": True}
            ],
            "affinities": None,
            "name": self.unique("vm"),
            "tags": None,
            "subnets": None,
            "environment": None,
        }
        return spec | changes

    def slowly(self) -> Json:
        """What of a VM's spec makes it come to the slow host, where nothing else comes."""
        return {"subnets": [self.slow_subnet]}

    def vm(self, state: str = "STOPPED", **changes: Any) -> str:
        """The id of a VM in this state."""
        path = f"/v1/projects/{self.project}/vms"
        if state == "ERROR":
            spec = self.vm_spec(flavor="huge")
            task = self.client.wait(self.client.task("POST", path, spec))
            assert task["state"] == "ERROR"
            return str(task["entity"]["id"])
        vm_id = self.client.made(path, self.vm_spec(**changes))
        for verb in {"STOPPED": (), "STARTED": ("start",), "SUSPENDED": ("start", "suspend")}[
            state
        ]:
            self.client.done("POST", f"/v1/vms/{vm_id}/{verb}")
        return vm_id

    def disk_spec(self, **changes: Any) -> Json:
        spec: Json = {
            "flavor": "data",
            "kind": "persistent-disk",
            "capacityGb": 2,
            "affinities": None,
            "name": self.unique("disk"),
            "tags": None,
        }
        return spec | changes

    def disk(self, near: str | None = None) -> str:
        """The id of a disk, on the host of the VM `near`."""
        affinities = None if near is None else [{"id": near, "kind": "vm"}]
        spec = self.disk_spec(affinities=affinities)
        return self.client.made(f"/v1/projects/{self.project}/disks", spec)

    def upload(self, form: Form, path: str = "/v1/images") -> Json:
        answer = self.client.send(path, form)
        assert answer.status == 201, answer.content
        return self.client.wait(self.client.checked(answer.read(TASK)))


@contextmanager
def running(place: Path) -> Iterator[World]:
    """Started, made ready for VMs, and stopped again."""
    networks = [word for name in ("VM Network", *NETWORKS) for word in ("--network", name)]
    slow = [word for name in SLOW for word in ("--latency", f"{name}={SLOW_SECONDS}")]
    slow_network = ("--network", SLOW_NETWORK)
    with ExitStack() as stack:

        def start(module: str, name: str, *arguments: str) -> BenchProcess:
            process = BenchProcess(module, place / f"{name}.log", *arguments)
            stack.callback(process.stop)
            return process

        password = place / "password"
        password.write_text("secret\n")
        known = ("--username", "root", "--password-file", str(password))
        simulated = ("--driver", "simulated", "--hosts", "16", "--listen", ANY_PORT)
        quick_agent = start("photon.agent", "quick", *simulated, *networks, *known)
        slow_agent = start("photon.agent", "slow", *simulated, *slow_network, *slow)
        data = ("--data-dir", str(place / "controller"), "--listen", ANY_PORT)
        controller = start("photon.controller", "controller", *data)
        for process in (quick_agent, slow_agent, controller):
            process.wait_ready()
        host, _, port = controller.ready["listening"].removeprefix("http://").rpartition(":")
        client = GoClient(host, int(port), TABLE_POLL_SECONDS)
        stack.callback(client.close)
        yield _furnished(client, (quick_agent.ready["listen"], slow_agent.ready["listen"]))


def _furnished(client: GoClient, agents: tuple[str, str]) -> World:
    world = World(client, agents, {}, "", "", "", "")
    for number in (*QUICK_HOSTS, SLOW_HOST):
        endpoint = agents[number == SLOW_HOST]
        spec = world.host_spec(number, metadata={"AGENT_ENDPOINT": endpoint})
        world.hosts[number] = client.made(HOSTS, spec)
        client.done("POST", f"{HOSTS}/{world.hosts[number]}/provision", status=202)
    for name, kind in (("tiny", "vm"), ("boot", "ephemeral-disk"), ("data", "persistent-disk")):
        client.made("/v1/flavors", flavor(name, kind))
    huge = cost(("vm.cpu", 1, "COUNT"), ("vm.memory", 1 << 20, "GB"))
    client.made("/v1/flavors", {"name": "huge", "kind": "vm", "cost": huge})
    world.tenant = client.made("/v1/tenants", {"name": "world", "quota": {"quotaItems": None}})
    projects = f"/v1/tenants/{world.tenant}/projects"
    world.project = client.made(projects, {"name": "world"})
    world.image = world.upload(Form("world.raw", raw_image()))["entity"]["id"]
    subnet: Json = {"name": "world", "description": "", "type": "PORT_GROUP"}
    subnet |= {"privateIpCidr": "", "dnsServerAddresses": None}
    world.subnet, world.slow_subnet = (
        client.made("/v1/subnets", subnet | {"portGroups": {"names": [name]}})
        for name in ("VM Network", SLOW_NETWORK)
    )
    client.done("POST", f"/v1/subnets/{world.subnet}/set_default")
    return world
