"""Both clients against bytes on a socket."""

from __future__ import annotations

import io

import pytest

from photon.domain.flavor import FlavorKind
from photon.domain.image import ReplicationType
from photon.domain.quota import QuotaUnit
from photon.sdk.client import AsyncClient, Client, Settings
from photon.sdk.console import ConsoleTicket, console_ticket, open_console, open_console_async
from photon.sdk.errors import ApiProblem, BadAnswer, TaskFailed, Unreachable
from photon.sdk.nouns.catalogue import ImageUpload
from photon.sdk.nouns.compute import ConsoleKind
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.flavor import FlavorCreateSpec
from photon.wire.v1.tenancy import ProjectCreateSpec, TenantCreateSpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.sdk.stub import CONSOLE_GREETING, Stub

A_VM = VmCreateSpec(
    "web-1", "small", "i-1", [AttachedDiskCreateSpec("boot", "core-disk", boot_disk=True)]
)


async def test_a_task_is_made_and_waited_for(client: AsyncClient) -> None:
    tenant = await client.tenants.create(TenantCreateSpec("eng"))
    project = await client.projects.create(tenant.entity.id, ProjectCreateSpec("web"))
    task = await client.vms.create(project.entity.id, A_VM)
    assert task.state == "QUEUED"
    done = await client.tasks.wait(task.id, 30)
    assert [step.operation for step in done.steps] == ["RESERVE_RESOURCE", "CREATE_VM"]
    vm = await client.vms.get(done.entity.id)
    assert vm.attached_disks[0].boot_disk


def test_the_blocking_client_does_the_same(blocking: Client) -> None:
    task = blocking.tenants.create(TenantCreateSpec("eng"))
    assert blocking.tasks.wait(task.id, 30).state == "COMPLETED"
    cost = [QuotaLineItem("vm.cpu", 1, QuotaUnit.COUNT)]
    blocking.flavors.create(FlavorCreateSpec("small", FlavorKind.VM, cost))
    assert [flavor.name for flavor in blocking.flavors.list(kind="vm")] == ["small"]
    assert [tenant.name for tenant in blocking.tenants.list()] == ["eng"]


async def test_a_list_goes_over_all_pages_and_no_further_than_it_is_read(
    client: AsyncClient, stub: Stub
) -> None:
    stub.page_size = 2
    for number in range(5):
        stub.add("tenants", {"name": f"t{number}"})
    assert [tenant.name async for tenant in client.tenants.list()] == ["t0", "t1", "t2", "t3", "t4"]
    pages = len(stub.asked)
    assert pages == 3
    async for _ in client.tenants.list():
        break
    assert len(stub.asked) == pages + 1


def test_a_next_page_on_another_server_is_not_followed(blocking: Client, stub: Stub) -> None:
    stub.last_link = "//elsewhere/v1/tenants"
    with pytest.raises(BadAnswer, match="elsewhere"):
        list(blocking.tenants.list())


async def test_a_busy_server_is_asked_again(client: AsyncClient, stub: Stub) -> None:
    stub.faults = [(503, {"retry-after": "0"}), (502, {"retry-after": "0"})]
    await client.tenants.create(TenantCreateSpec("eng"))
    keys = {asked.headers["idempotency-key"] for asked in stub.asked}
    assert (len(stub.asked), len(keys)) == (3, 1)
    assert len(stub.entities["tenants"]) == 1


async def test_a_refusal_is_typed(client: AsyncClient) -> None:
    with pytest.raises(ApiProblem) as caught:
        await client.vms.get("no/such?vm")
    assert (caught.value.status, caught.value.code) == (404, "VmNotFound")


async def test_a_failed_task_raises_its_reasons(client: AsyncClient, stub: Stub) -> None:
    stub.failing["CREATE_VM"] = ("RESERVE_RESOURCE", "NotEnoughMemoryResource", "no host fits")
    task = await client.vms.create("p-1", A_VM)
    with pytest.raises(TaskFailed) as caught:
        await client.tasks.wait(task.id, 30)
    assert caught.value.step == "RESERVE_RESOURCE"


def test_nobody_there_is_unreachable() -> None:
    with (
        Client("http://127.0.0.1:1", Settings(retries_max=0)) as nobody,
        pytest.raises(Unreachable, match="could not be reached"),
    ):
        nobody.system.available()


CONTENT = b"KDMV" + bytes(range(256)) * 4096  # a megabyte: several pieces


async def test_an_image_goes_up_field_first_and_comes_down_again(
    client: AsyncClient, stub: Stub
) -> None:
    seen: list[tuple[int, int]] = []
    upload = ImageUpload(
        'photon "1".vmdk',
        io.BytesIO(CONTENT),
        ReplicationType.ON_DEMAND,
        progress=lambda sent, size: seen.append((sent, size)),
    )
    task = await client.images.upload(upload)
    assert stub.content == CONTENT
    assert int(stub.asked[0].headers["content-length"]) == len(stub.asked[0].body)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 2
    assert (await client.images.get(task.entity.id)).replication_type == "ON_DEMAND"
    down = io.BytesIO()
    await client.images.download(task.entity.id, down.write)
    assert down.getvalue() == CONTENT


def test_the_blocking_client_moves_files_too(blocking: Client, stub: Stub) -> None:
    file = io.BytesIO(b"skipped" + CONTENT)
    file.seek(len(b"skipped"))
    task = blocking.images.upload(ImageUpload("photon", file, project_id="p-1"))
    assert stub.asked[0].path == "/v1/projects/p-1/images"
    down = io.BytesIO()
    blocking.images.download(task.entity.id, down.write)
    assert down.getvalue() == CONTENT


async def test_a_console_carries_bytes_both_ways(client: AsyncClient, stub: Stub) -> None:
    vm = stub.add("vms", {"name": "v", "flavor": "f", "attachedDisks": [], "parent": "p-1"})
    task = await client.vms.console_ticket(vm["id"], ConsoleKind.SERIAL)
    assert stub.asked[0].query == {"kind": "serial"}
    async with await open_console_async(console_ticket(task)) as console:
        assert await console.recv() == CONSOLE_GREETING
        await console.send(b"\x01root")
        assert await console.recv() == b"you said \x01root"


def test_a_ticket_knows_where_it_is_good_and_may_say_it_whole() -> None:
    ticket = ConsoleTicket("fd00::1", 8836, "/console", "a b", 60)
    assert ticket.address == "ws://[fd00::1]:8836/console?ticket=a+b"
    ticket.url = "wss://host/elsewhere?ticket=a"
    assert ticket.address == ticket.url


def test_a_used_ticket_opens_nothing(blocking: Client, stub: Stub) -> None:
    vm = stub.add("vms", {"name": "v", "flavor": "f", "attachedDisks": [], "parent": "p-1"})
    ticket = console_ticket(blocking.vms.console_ticket(vm["id"], ConsoleKind.SERIAL))
    with open_console(ticket) as console:
        assert console.recv() == CONSOLE_GREETING
    ticket.ticket = "used"
    with pytest.raises(Unreachable, match="console"):
        open_console(ticket)


async def test_a_token_is_sent_with_each_request(target: str, stub: Stub) -> None:
    async with AsyncClient(target, Settings(token="abc")) as client:
        await client.system.version()
    assert stub.asked[0].headers["authorization"] == "Bearer abc"
