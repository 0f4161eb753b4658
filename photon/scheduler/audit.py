"""Counts again what the ledger added up as it went: for tests, simulations and operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from photon.scheduler.books import DatastoreBook, Held, HostBook
from photon.scheduler.ledger import Ledger


def audit(ledgers: Sequence[Ledger]) -> list[str]:
    """All ledgers that share datastores."""
    wrong = list(_wrong_room(ledgers))
    for ledger in ledgers:
        wrong += [*_wrong_sums(ledger), *_wrong_places(ledger), *_wrong_rows(ledger)]
        wrong += _wrong_groups(ledger)
    return wrong


def _wrong_sums(ledger: Ledger) -> Iterator[str]:
    for host in ledger.hosts.values():
        everything = list(_everything(host))
        cpus = sum(held.cpus for held in everything)
        memory_mib = sum(held.memory_mib for held in everything)
        if (cpus, memory_mib) != (host.held_cpus, host.held_memory_mib):
            yield (
                f"host {host.id} holds {cpus} vCPUs and {memory_mib} MiB, "
                f"but {host.held_cpus} and {host.held_memory_mib} were added up"
            )


def _wrong_room(ledgers: Sequence[Ledger]) -> Iterator[str]:
    claims: dict[DatastoreBook, dict[str, int]] = {}
    hosts = [host for ledger in ledgers for host in ledger.hosts.values()]
    for held in [held for host in hosts for held in _everything(host)]:
        for disk in held.disks:
            claims.setdefault(disk.datastore, {})[disk.disk_id] = disk.gib
    books = {id: book for ledger in ledgers for id, book in ledger.datastores.books.items()}
    for datastore in sorted({*claims, *books.values()}, key=lambda book: book.id):
        if books.get(datastore.id) is not datastore:
            yield f"datastore {datastore.id} holds disks and is not in the books"
        gib = sum(claims.get(datastore, {}).values())
        if gib != datastore.held_gib:
            yield f"datastore {datastore.id} holds {gib} GiB, not the {datastore.held_gib} added up"


def _wrong_places(ledger: Ledger) -> Iterator[str]:
    for id, held in ledger.where.items():
        if held.host.held.get(id) is not held:
            yield f"{id} is said to be on host {held.host.id}, which does not hold it"
    for host in ledger.hosts.values():
        for id in host.held:
            if id not in ledger.where:
                yield f"{id} is on host {host.id}, and would not be found"


def _wrong_groups(ledger: Ledger) -> Iterator[str]:
    counts = Counter(
        (key, host)
        for host in ledger.hosts.values()
        for held in host.held.values()
        for key in held.groups
    )
    neighbours = ledger.neighbours
    for key in sorted({*neighbours.here.keys(), *(key for key, _ in counts)}):
        found = {*neighbours.here.of(key), *(each for known, each in counts if known == key)}
        for host in sorted(found, key=lambda host: host.id):
            count = counts[key, host]
            here, anywhere = (groups.of(key).get(host, 0) for groups in neighbours.both())
            if (here, anywhere) != (count, count):
                yield f"host {host.id} has {count} of group {key}, not {here} or {anywhere}"


def _wrong_rows(ledger: Ledger) -> Iterator[str]:
    table = ledger.table()
    for row, host in enumerate(table.hosts):
        amounts = (table.free_cpus.item(row), table.free_memory_mib.item(row))
        if amounts != (host.free_cpus, host.free_memory_mib):
            yield f"host {host.id} has another row in the table than in the books"
    for datastore in table.datastores:
        if table.free_gib.item(datastore.rows[table]) != datastore.free_gib:
            yield f"datastore {datastore.id} has another row in the table than in the books"


def _everything(host: HostBook) -> Iterator[Held]:
    yield from host.held.values()
    yield from host.doubts.values()
