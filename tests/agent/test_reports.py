"""Heartbeats and changes: nothing is missed, whatever the reader's place in the log."""

from __future__ import annotations

import asyncio
from pathlib import Path

from photon.agent import reports
from photon.agent.changes import Changed, ChangeLog
from photon.agent.journal import NullJournal
from photon.agent_client.address import HostAddress
from photon.domain.guest import GuestState, HostMode, PowerOp, ReportBatch
from tests.agent.conftest import HandClock, Plane, a_disk, a_provision, a_spec, restarted, start

WAIT_MS = 20_000


async def first(plane: Plane) -> ReportBatch:
    return await plane.agents.report(plane.endpoint, "", 0, 0)


async def after(plane: Plane, batch: ReportBatch, wait_ms: int = 0) -> ReportBatch:
    return await plane.agents.report(plane.endpoint, batch.boot_id, batch.cursor, wait_ms)


async def test_a_stranger_gets_everything(plane: Plane) -> None:
    guest = await plane.agents.create_vm(plane.host, 1, a_spec())
    disk = await plane.agents.create_disk(plane.host, 2, a_disk())
    batch = await first(plane)
    assert batch.hosts == ("host-1",)
    [report] = batch.reports
    assert report.full
    assert (report.host_id, report.mode) == ("host-1", HostMode.NORMAL)
    assert (report.guests, report.disks) == ((guest,), (disk,))
    assert report.datastores[0].free_gib == 4096 - 3
    assert not batch.more


async def test_then_only_what_changed(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-1"))
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-2"))
    batch = await first(plane)
    assert (await after(plane, batch)).reports == ()
    await plane.agents.power_vm(plane.host, 2, "vm-2", PowerOp.START)
    await plane.agents.delete_vm(plane.host, 2, "vm-1")
    await plane.agents.create_disk(plane.host, 3, a_disk("disk-1"))
    await plane.agents.create_disk(plane.host, 3, a_disk("disk-2"))
    await plane.agents.delete_disk(plane.host, 4, "disk-2")
    news = await after(plane, batch)
    [report] = news.reports
    assert not report.full
    assert [(guest.vm_id, guest.state) for guest in report.guests] == [("vm-2", GuestState.STARTED)]
    assert report.gone_guests == ("vm-1",)
    assert [disk.disk_id for disk in report.disks] == ["disk-1"]
    assert report.gone_disks == ("disk-2",)
    assert report.generation > batch.reports[0].generation
    again = await after(plane, news)
    assert (again.reports, again.cursor, again.hosts) == ((), news.cursor, None)


async def test_a_mode_is_news(plane: Plane) -> None:
    batch = await first(plane)
    await plane.agents.set_mode(plane.host, 1, HostMode.ENTERING_MAINTENANCE)
    [report] = (await after(plane, batch)).reports
    assert (report.mode, report.full) == (HostMode.MAINTENANCE, False)


async def test_a_new_host_is_reported_in_full_and_a_returned_one_no_more(plane: Plane) -> None:
    batch = await first(plane)
    await plane.agents.provision(plane.endpoint, a_provision(2))
    news = await after(plane, batch)
    assert news.hosts == ("host-1", "host-2")
    assert [(report.host_id, report.full) for report in news.reports] == [("host-2", True)]
    await plane.agents.deprovision(HostAddress(plane.endpoint, "host-2"), 1)
    news = await after(plane, news)
    assert (news.hosts, news.reports) == (("host-1",), ())


async def test_a_poll_waits_for_a_change(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    await plane.agents.power_vm(plane.host, 2, "vm-1", PowerOp.START)
    batch = await first(plane)
    poll = asyncio.create_task(after(plane, batch, WAIT_MS))
    await plane.agents.ping(plane.endpoint)
    assert not poll.done()
    plane.driver.die("vm-1")
    [report] = (await poll).reports
    assert [guest.state for guest in report.guests] == [GuestState.STOPPED]


async def test_every_poll_gets_the_change(plane: Plane) -> None:
    batch = await first(plane)
    polls = [asyncio.create_task(after(plane, batch, WAIT_MS)) for _ in range(5)]
    await plane.agents.create_vm(plane.host, 1, a_spec())
    for poll in polls:
        assert [guest.vm_id for guest in (await poll).reports[0].guests] == ["vm-1"]


async def test_a_poll_without_change_ends_with_the_heartbeat(plane: Plane) -> None:
    batch = await first(plane)
    news = await after(plane, batch, 10)
    assert (news.reports, news.hosts) == ((), None)


async def test_who_is_alive_is_said_again_only_when_it_is_another_answer(plane: Plane) -> None:
    batch = await first(plane)
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-1"))
    news = await after(plane, batch)
    assert news.reports
    assert news.hosts is None, "a guest is no host"
    await plane.agents.provision(plane.endpoint, a_provision(2))
    late = await after(plane, batch)
    news = await after(plane, news)
    assert late.hosts == news.hosts == ("host-1", "host-2")
    assert (await after(plane, news)).hosts is None


async def test_another_boot_starts_over(local: Plane) -> None:
    await local.agents.create_vm(local.host, 1, a_spec())
    batch = await first(local)
    again = await restarted(local)
    news = await after(again, batch)
    assert news.boot_id != batch.boot_id
    assert [report.full for report in news.reports] == [True]
    assert [guest.vm_id for guest in news.reports[0].guests] == ["vm-1"]


async def test_a_cursor_from_nowhere_starts_over(local: Plane) -> None:
    batch = await first(local)
    for cursor in (batch.cursor + 1000, 2**62):
        news = await local.agents.report(local.endpoint, batch.boot_id, cursor, 0)
        assert [report.full for report in news.reports] == [True]
    await local.agents.report(local.endpoint, batch.boot_id, -(2**63), 0)


async def test_a_silent_host_is_missing_and_comes_back(local: Plane) -> None:
    batch = await first(local)
    local.simulation.hosts.silence("sim-00001")
    assert (await after(local, batch)).hosts == ()
    local.simulation.hosts.wake("sim-00001")
    assert (await after(local, batch)).hosts == ("host-1",)


async def test_a_tour_of_many_hosts_comes_in_pages_and_misses_nothing(tmp_path: Path) -> None:
    hosts = 3 * reports.PAGE_ENTRIES_MAX // 2
    simulation = await start(NullJournal(), tmp_path, HandClock(), hosts=hosts)
    for number in range(1, hosts + 1):
        await simulation.hosts.provision(a_provision(number))
    report = simulation.reporter.report
    page = await report("", 0, 0)
    pages = 1
    seen = [each.host_id for each in page.reports]
    # A host of the first page changes while the tour is under way.
    host = await simulation.hosts.host("host-1")
    await host.create_vm(1, a_spec())
    while page.more:
        assert page.hosts is None, "who is alive is said once, at the end"
        page = await report(page.boot_id, page.cursor, 0)
        pages += 1
        seen += [each.host_id for each in page.reports]
    assert pages > 1
    assert page.hosts is not None
    assert len(page.hosts) == hosts
    assert sorted(seen) == sorted(f"host-{number}" for number in range(1, hosts + 1))
    news = await report(page.boot_id, page.cursor, 0)
    assert [guest.vm_id for each in news.reports for guest in each.guests] == ["vm-1"]


async def test_news_come_in_pages_too(tmp_path: Path) -> None:
    simulation = await start(NullJournal(), tmp_path, HandClock(), hosts=1)
    await simulation.hosts.provision(a_provision())
    host = await simulation.hosts.host("host-1")
    batch = await simulation.reporter.report("", 0, 0)
    disks = reports.PAGE_ENTRIES_MAX + 10
    for number in range(disks):
        host._changed(Changed.DISK, f"disk-{number}")
    gone: list[str] = []
    while True:
        batch = await simulation.reporter.report(batch.boot_id, batch.cursor, 0)
        gone += [name for report in batch.reports for name in report.gone_disks]
        if not batch.more:
            break
    assert sorted(gone) == sorted(f"disk-{number}" for number in range(disks))


def test_a_log_that_overflowed_says_so() -> None:
    log = ChangeLog(entries_max=3)
    for number in range(3):
        log.note("a", Changed.GUEST, f"vm-{number}")
    assert log.knows_all_since(0)
    log.note("a", Changed.GUEST, "vm-3")
    assert not log.knows_all_since(0)
    assert log.knows_all_since(1)
    assert [entry.name for entry, _ in log.since(1)] == ["vm-1", "vm-2", "vm-3"]


def test_a_thing_that_changes_again_is_in_the_log_once_at_its_last_place() -> None:
    log = ChangeLog(entries_max=3)
    for name in ("a", "b", "a", "a"):
        log.note("host", Changed.GUEST, name)
    assert [(entry.name, sequence) for entry, sequence in log.since(0)] == [("b", 2), ("a", 4)]
    assert log.knows_all_since(0)
