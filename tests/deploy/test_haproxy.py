"""Three controllers behind the real haproxy with the file that we ship: nothing gets lost in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Final

import httpx2
import pytest
import pytest_asyncio

from photon.api.request import BODY_BYTES_MAX
from photon.api.route import REVISION_HEADER
from photon.api.watching import DRAIN_SECONDS
from photon.domain.zone import Zone
from photon.outside.clock import RealClock
from photon.sdk.client import AsyncClient, Settings
from photon.sdk.nouns.catalogue import ImageUpload
from photon.store.nouns import NOUNS, ZONES
from photon.store.opening import open_store
from photon.store.postgres.driver import connect
from photon.store.protocol import Insert
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.deploy.proxy import FAREWELL_SECONDS, LOOK_SECONDS, Haproxy
from tests.deploy.watching import WatchingClient
from tests.kill.load import Load
from tests.kill.seed import BOOT_FLAVOR, VM_FLAVOR
from tests.kill.several import Several, start_several

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

OWNERS: Final = 2  # At work at the same time: so few that two cores have room for restarts.
# Between their rounds: a call that a restart would break is as likely found by a few each second as
# by as many as two cores can do, for the half minute that restarts take.
REST_SECONDS: Final = 0.3
WRITERS, TENANTS_EACH = 4, 15
FEED_LEFT: Final = 50  # Revisions: nobody who works is so far behind.
BIG_ZONES, BIG_NAME = 500, "n" * 60_000  # More than the buffers on the way: 4 of 6 MB at most.
IMAGE_BYTES: Final = 8 << 20
EACH: Final = 9  # Calls of each method under way when a controller dies: three of each are its own.
CHUNK: Final = 1 << 16
CALL_SECONDS_MAX: Final = 60.0  # A lost answer is a failure, not a test that hangs.
ENDED: Final = ("COMPLETED", "ERROR")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def several(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Several]:
    folder = tmp_path_factory.mktemp("several")
    several = await start_several(folder, 3, ("--farewell-seconds", str(FAREWELL_SECONDS)))
    try:
        await several.balancer.close()  # The real one stands in its place.
        yield several
    finally:
        await several.end()
    for controller in several.controllers:
        log.warning("the end of a controller's log:\n%s", controller.last_words())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(
    several: Several, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Haproxy]:
    proxy = Haproxy(tmp_path_factory.mktemp("haproxy"))
    places = [str(each.ready["listening"]) for each in several.controllers]
    await proxy.start([place.removeprefix("http://") for place in places])
    try:
        yield proxy
    finally:
        await proxy.end()
        log.warning("haproxy said:\n%s", proxy.words()[-2000:])


def raw(proxy: Haproxy) -> httpx2.AsyncClient:
    """A client that tries nothing twice, and hides nothing."""
    context = ssl.create_default_context(cafile=proxy.ca)
    return httpx2.AsyncClient(base_url=proxy.url, verify=context, timeout=CALL_SECONDS_MAX)


def sdk(proxy: Haproxy) -> AsyncClient:
    return AsyncClient(proxy.url, Settings(ca_file=str(proxy.ca), retries_max=0))


@pytest.mark.parametrize("offered", ["h2", "http/1.1"])
async def test_it_speaks_both_versions_of_http(proxy: Haproxy, offered: str) -> None:
    context = ssl.create_default_context(cafile=proxy.ca)
    context.set_alpn_protocols([offered])
    host, port = proxy.address.split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    spoken = writer.get_extra_info("ssl_object")
    assert spoken.selected_alpn_protocol() == offered
    assert spoken.version() == "TLSv1.3"
    writer.transport.abort()


async def test_old_tls_is_refused(proxy: Haproxy) -> None:
    for version, status in (("-tls1_1", 1), ("-tls1_2", 0)):
        called = await asyncio.to_thread(
            subprocess.run,
            # Its own rules would not let it offer the old one.
            [
                "openssl",
                "s_client",
                version,
                "-cipher",
                "ALL:@SECLEVEL=0",
                "-connect",
                proxy.address,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert called.returncode == status, (version, called.stderr)


async def test_a_body_that_is_too_long_is_refused_before_it_comes(proxy: Haproxy) -> None:
    host, port = proxy.address.split(":")
    context = ssl.create_default_context(cafile=proxy.ca)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    head = f"POST /v1/tenants HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_BYTES_MAX + 1}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(CALL_SECONDS_MAX):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"RequestTooLarge"' in answer
    writer.transport.abort()


async def test_self_links_lead_through_the_proxy(proxy: Haproxy) -> None:
    async with raw(proxy) as client:
        said = {"x-forwarded-proto": "gopher", "x-forwarded-host": "elsewhere"}
        answer = await client.get("/v1/tenants", headers=said)
    [tenant] = answer.json()["items"]
    assert tenant["selfLink"].startswith(f"{proxy.url}/v1/tenants/")


async def test_an_image_goes_up_and_comes_down_and_a_long_poll_is_held(
    proxy: Haproxy, several: Several, tmp_path: Path
) -> None:
    content = bytearray(Random(3).randbytes(IMAGE_BYTES))
    content[510:512] = b"\x55\xaa"  # a boot record's signature: the least that is an image
    async with sdk(proxy) as client, raw(proxy) as plain:
        uploaded = await client.images.upload(ImageUpload("big", io.BytesIO(content)))
        image = (await client.tasks.wait(uploaded.id)).entity.id
        down = await plain.get(f"/v1/images/{image}/content")
        assert _disk(down.content, tmp_path) == content

        boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
        spec = VmCreateSpec("polled", VM_FLAVOR, several.seeded.image_id, [boot])
        made = await client.vms.create(several.seeded.project_id, spec)
        assert made.state not in ENDED
        polled = await plain.get(f"/v1/tasks/{made.id}?wait=20")
        assert polled.json()["state"] == "COMPLETED", "it was answered before the task ended"


def _disk(image: bytes, folder: Path) -> bytes:
    """What a guest would see of it: it is kept and given as qcow2."""
    stored, disk = folder / "stored", folder / "disk"
    stored.write_bytes(image)
    subprocess.run(["qemu-img", "convert", "-O", "raw", stored, disk], check=True)
    return disk.read_bytes()


async def test_all_are_restarted_one_after_the_other_and_no_call_fails(
    proxy: Haproxy, several: Several
) -> None:
    """The client tries nothing twice, and haproxy tells of no answer that was not a good one."""
    before = len(proxy.calls())
    async with sdk(proxy) as client:
        load = Load(client, several.seeded, Random(2))
        restarting = asyncio.create_task(_restart_each(proxy, several))
        while not restarting.done():
            await load.run(OWNERS)
            await asyncio.sleep(REST_SECONDS)
        await restarting
    calls = proxy.calls()[before:]
    bad = [call for call in calls if call.status >= 300 or call.end != "----"]
    log.warning("%s calls; done: %s; failed: %s", len(calls), load.operations(), load.failed)
    assert load.failed == []
    assert bad == []
    assert {call.server for call in calls} == {"controller-1", "controller-2", "controller-3"}


async def _restart_each(proxy: Haproxy, several: Several) -> None:
    for number, controller in enumerate(several.controllers, start=1):
        assert await controller.stop() == 0
        await controller.start()
        await proxy.sees(f"controller-{number}", "UP")


async def test_when_one_is_killed_only_what_may_not_be_repeated_fails(
    proxy: Haproxy, several: Several
) -> None:
    """Its reading, and its POSTs with a key, are answered by the others: each done once."""
    names = [f"once-{number}" for number in range(EACH)]
    async with raw(proxy) as client:
        doomed = [await _tenant(client, f"doomed-{number}") for number in range(EACH)]
        before = len(proxy.calls())
        for controller in several.controllers:
            controller.freeze()
        asking = [asyncio.create_task(_status(client, "GET", "/v1/info")) for _ in range(EACH)]
        await proxy.under_way(EACH)
        asking += [asyncio.create_task(_post(client, name)) for name in names]
        await proxy.under_way(2 * EACH)
        paths = [f"/v1/tenants/{id}" for id in doomed]
        asking += [asyncio.create_task(_status(client, "DELETE", path)) for path in paths]
        await proxy.under_way(3 * EACH)
        killed, *others = several.controllers
        for controller in others:
            controller.thaw()
        await killed.kill()
        statuses = await asyncio.gather(*asking)
        assert set(statuses[:EACH]) == {200}
        assert set(statuses[EACH : 2 * EACH]) == {201}
        lost = {
            path for path, status in zip(paths, statuses[2 * EACH :], strict=True) if status == 502
        }
        failed = [call for call in proxy.calls()[before:] if call.status >= 400]
        assert {call.path for call in failed} == lost
        assert {(call.server, call.method) for call in failed} == {("controller-1", "DELETE")}
        assert len(lost) == EACH // 3
        tenants = [each["name"] for each in (await client.get("/v1/tenants")).json()["items"]]
        assert sorted(name for name in tenants if name in names) == names
        await proxy.sees("controller-1", "DOWN")
        assert await _status(client, "DELETE", min(lost)) == 201


async def test_a_watch_goes_on_at_another_controller_without_a_gap_or_a_double(
    proxy: Haproxy, several: Several
) -> None:
    """The controller that serves it is killed meanwhile: only one is left then."""
    async with raw(proxy) as client, raw(proxy) as watching:
        listed = await client.get("/v1/tenants")
        watch = WatchingClient(watching, "/v1/tenants", listed.headers[REVISION_HEADER])
        running = asyncio.create_task(watch.run())
        await proxy.under_way(1)
        [serving] = [name for name, row in (await proxy.rows()).items() if int(row["scur"])]
        writing = [asyncio.create_task(_write(client, f"w{n}")) for n in range(WRITERS)]
        await watch.saw({"w0-1"})
        await several.controllers[int(serving.removeprefix("controller-")) - 1].kill()
        written = set().union(*await asyncio.gather(*writing))
        async with asyncio.timeout(CALL_SECONDS_MAX):
            await watch.saw(written)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    told = [event["item"]["name"] for event in watch.seen]
    assert sorted(name for name in told if name in written) == sorted(written)
    assert len(watch.positions) == len(set(watch.positions))
    revisions = [event["revision"] for event in watch.seen]
    assert revisions == sorted(revisions)
    assert watch.begun >= 2, "it was cut, and went on"


async def _write(client: httpx2.AsyncClient, prefix: str) -> set[str]:
    """Makes tenants, one after the other, each until it is acknowledged; their names."""
    names = [f"{prefix}-{number}" for number in range(TENANTS_EACH)]
    for name in names:
        while await _post(client, name) != 201:  # noqa: ASYNC110  # nothing tells when to ask again
            await asyncio.sleep(LOOK_SECONDS)
    return set(names)


async def test_who_was_away_for_too_long_is_told_to_list_again(
    proxy: Haproxy, several: Several
) -> None:
    connection = await connect(several.postgres.url())
    async with connection.transaction():
        trimmed = await connection.fetchval(
            "UPDATE feed SET trimmed = revision - $1 RETURNING trimmed", FEED_LEFT
        )
        await connection.execute("DELETE FROM changes WHERE revision <= $1", trimmed)
    await connection.close(timeout=1)
    async with raw(proxy) as client:
        answer = await client.get(f"/v1/tenants?watch=true&since={trimmed - 1}")
        assert answer.status_code == 410
        assert answer.json()["code"] == "RevisionGone"
        assert "list" in answer.json()["message"]
        async with client.stream("GET", f"/v1/tenants?watch=true&since={trimmed}") as stream:
            assert stream.status_code == 200


async def test_who_reads_nothing_of_its_watch_is_cut_off(proxy: Haproxy, several: Several) -> None:
    """The controller fills what lies between, waits, and lets go; it keeps nothing for it."""
    store = await open_store(several.postgres.url(), NOUNS, RealClock())
    first = await store.revision()
    for start in range(0, BIG_ZONES, 10):
        zones = [Zone(f"big-{start + n:04}", BIG_NAME) for n in range(10)]
        await store.commit([Insert(ZONES, zone) for zone in zones])
    await store.close()
    host, port = proxy.address.split(":")
    context = ssl.create_default_context(cafile=proxy.ca)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, limit=1_000)
    path = f"/v1/zones?watch=true&since={first}"
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    await proxy.under_way(1)
    # What lies between keeps the call open when the controller is rid of it, and nothing tells.
    await asyncio.sleep(DRAIN_SECONDS + 5)
    got = 0
    async with asyncio.timeout(CALL_SECONDS_MAX):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(CHUNK):
                got += len(piece)
    writer.transport.abort()
    assert got < BIG_ZONES * len(BIG_NAME)
    async with raw(proxy) as client:
        assert await _status(client, "GET", "/v1/zones") == 200


async def _tenant(client: httpx2.AsyncClient, name: str) -> str:
    answer = await client.post("/v1/tenants", json={"name": name})
    id: str = answer.json()["entity"]["id"]
    return id


async def _status(client: httpx2.AsyncClient, method: str, path: str) -> int:
    return (await client.request(method, path)).status_code


async def _post(client: httpx2.AsyncClient, name: str) -> int:
    headers = {"idempotency-key": name}
    return (await client.post("/v1/tenants", json={"name": name}, headers=headers)).status_code
