"""The truth's rows as they were last, and what each change of them must keep.

Fed by the true store's changes, in the very moment of their commit. What it keeps is enough to say
what a change did, and to tell the story of a row afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from photon.domain.disk import PersistentDisk
from photon.domain.host import Host
from photon.domain.quota import total
from photon.domain.task import Task
from photon.domain.vm import Vm, all_costs
from photon.simulation.invariants import Invariant, at_once
from photon.simulation.made import Whereabouts
from photon.store.nouns import DISKS, HOSTS, IMAGES, PROJECTS, TASKS, TENANTS, VMS
from photon.store.protocol import Change, CloudStore, Noun
from photon.workload.broken import Broken

FOLLOWED: Final[tuple[Noun[Any], ...]] = (TENANTS, PROJECTS, VMS, DISKS, HOSTS, IMAGES, TASKS)
LOCKED: Final = frozenset({VMS.name, DISKS.name, HOSTS.name, IMAGES.name})
DELETED_BY: Final = {VMS.name: "DELETE_VM", DISKS.name: "DELETE_DISK", HOSTS.name: "DELETE_HOST"}
EPSILON: Final = 0.5  # Amounts are whole bytes and counts.
SWEPT_AFTER_MS: Final = 12 * 3600 * 1000  # Half of a tombstone's life: clocks are wrong.

Amounts = dict[str, float]


@dataclass(slots=True)
class Mirror:
    """`seconds` tells the simulated time, `is_member` whether somebody is registered as
    living; `log` has every change of a row, for stories."""

    truth: CloudStore
    seconds: Callable[[], float]
    is_member: Callable[[str], bool]
    rows: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {noun.name: {} for noun in FOLLOWED}
    )
    log: list[tuple[float, str, str, Any]] = field(default_factory=list)
    used: dict[str, Amounts] = field(default_factory=dict)  # by project, what exists in it
    locks: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # by task
    changes: list[Change] = field(default_factory=list)  # all that was committed
    whereabouts: Whereabouts = field(init=False)

    def __post_init__(self) -> None:
        self.whereabouts = Whereabouts(self.seconds)

    def hear(self, changes: Sequence[Change]) -> None:
        """Raises Broken: one of the changes must not have been."""
        self.changes += changes
        touched: dict[str, None] = {}
        freed: list[tuple[str, str, str]] = []
        for change in changes:
            noun = _NOUNS.get(change.noun)
            if noun is None:
                continue
            new = at_once(self.truth.find(noun, change.id))
            known = self.rows[noun.name]
            old = known.get(change.id)
            if new == old:
                continue
            self.log.append((self.seconds(), noun.name, change.id, new))
            self._check_change(noun.name, change.id, old, new)
            if new is None:
                known.pop(change.id, None)
            else:
                known[change.id] = new
            for row in (old, new):
                if isinstance(row, Vm | PersistentDisk):
                    touched[row.project_id] = None
            self._count(old, new)
            freed += self._relocked(noun.name, old, new)
        for project_id in touched:
            self._check_quota(project_id)
        self._check_locks(changes)
        for freed_noun, id, task_id in freed:
            self._check_freed(freed_noun, id, task_id)

    # One change

    def _check_change(self, noun: str, id: str, old: Any, new: Any) -> None:
        if new is None:
            self._check_end(noun, id, old)
            return
        if old is not None and new.generation <= old.generation:
            text = f"{noun} {id} was at {old.generation}, and is at {new.generation}"
            raise Broken(Invariant.WRITES_COUNT_UP, text, id)
        if isinstance(new, Task):
            _check_task(old, new)
            self._check_adoption(old, new)
        if isinstance(new, Host):
            self.whereabouts.put_host(new)
        if isinstance(new, Vm):
            self.whereabouts.put_vm(old, new)
        if isinstance(new, Vm) and old is not None and old.host_id not in (None, new.host_id):
            text = f"VM {id} was on host {old.host_id}, and is on {new.host_id}"
            raise Broken(Invariant.VM_STAYS, text, id)

    def _check_adoption(self, old: Task | None, new: Task) -> None:
        before = None if old is None else old.owner
        if before is None or new.owner in (None, before) or not self.is_member(before):
            return
        text = f"task {new.id} was {before}'s, who lives, and is {new.owner}'s"
        raise Broken(Invariant.ADOPTED_FROM_THE_DEAD, text, new.id, new.entity_id)

    def _check_end(self, noun: str, id: str, old: Any) -> None:
        if isinstance(old, Task):
            newest_ms = max((task.queued_ms for task in self.rows[TASKS.name].values()), default=0)
            if not old.ended or newest_ms - (old.ended_ms or 0) < SWEPT_AFTER_MS:
                raise Broken(Invariant.END_IS_FINAL, f"task {id} vanished", id, old.entity_id)
        operation = DELETED_BY.get(noun)
        if operation is None or old is None:
            return
        task = self.rows[TASKS.name].get(old.task_id or "")
        if task is None or task.operation != operation:
            by = "no task" if task is None else f"{task.operation} {task.id}"
            raise Broken(Invariant.GOES_BY_ITS_TASK, f"{noun} {id} vanished by {by}", id)

    def check_begun(self, task: Task, step: str) -> None:
        """Who owns a task, and begins a step of it, does none that the journal has as finished.

        A former owner may: it does not know, and hosts refuse it. Raises Broken.
        """
        row = self.rows[TASKS.name].get(task.id)
        if row is not None and row.owner == task.owner and step in row.results:
            text = f"step {step} of task {task.id} of {task.operation} is done again"
            raise Broken(Invariant.FINISHED_STAYS_FINISHED, text, task.id, task.entity_id)

    # Quota

    def _count(self, old: Any, new: Any) -> None:
        for row, sign in ((old, -1.0), (new, 1.0)):
            if isinstance(row, Vm | PersistentDisk):
                used = self.used.setdefault(row.project_id, {})
                for key, base in _amounts(row):
                    used[key] = used.get(key, 0.0) + sign * base

    def _check_quota(self, project_id: str) -> None:
        if project_id not in self.rows[PROJECTS.name]:
            return
        exists = self.used.get(project_id, {})
        counted = {row.key: row for row in at_once(self.truth.quota(project_id))}
        for key in sorted({*exists, *counted}):
            row = counted.get(key)
            usage = 0.0 if row is None else row.usage
            there = exists.get(key, 0.0)
            if abs(usage - there) > EPSILON:
                text = f"project {project_id} uses {there:g} {key}, and is charged {usage:g}"
                raise Broken(Invariant.QUOTA_IS_THE_SUM, text, project_id)
            if row is not None and row.limit is not None and usage > row.limit + EPSILON:
                text = f"project {project_id} uses {usage:g} {key} of {row.limit:g}"
                raise Broken(Invariant.QUOTA_WITHIN_LIMIT, text, project_id)

    def check_all_quotas(self) -> None:
        """Of projects, and of tenants, which use what their projects may."""
        given: dict[str, Amounts] = {id: {} for id in self.rows[TENANTS.name]}
        for project in self.rows[PROJECTS.name].values():
            self._check_quota(project.id)
            for row in at_once(self.truth.quota(project.id)):
                sums = given.setdefault(project.tenant_id, {})
                sums[row.key] = sums.get(row.key, 0.0) + (row.limit or 0.0)
        for tenant_id, sums in given.items():
            usage = {row.key: row.usage for row in at_once(self.truth.quota(tenant_id))}
            for key in sorted({*usage, *sums}):
                used, limits = usage.get(key, 0.0), sums.get(key, 0.0)
                if abs(used - limits) > EPSILON:
                    text = f"tenant {tenant_id} is charged {used:g} {key} of {limits:g}"
                    raise Broken(Invariant.QUOTA_IS_THE_SUM, text, tenant_id)

    # Locks

    def _relocked(self, noun: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
        """A lock that is no more: of which row, and which task had it."""
        if noun not in LOCKED:
            return
        before = None if old is None else old.task_id
        after = None if new is None else new.task_id
        if before == after:
            return
        id = (new or old).id
        if before is not None:
            self.locks.get(before, set()).discard((noun, id))
            yield noun, id, before
        if after is not None:
            self.locks.setdefault(after, set()).add((noun, id))

    def _check_freed(self, noun: str, id: str, task_id: str) -> None:
        """Only its end frees what a task has locked."""
        task = self.rows[TASKS.name].get(task_id)
        if task is not None and not task.ended:
            text = f"{noun} {id} is freed, and task {task_id} of {task.operation} still has it"
            raise Broken(Invariant.LOCK_HAS_TASK, text, id, task_id)

    def _check_locks(self, changes: Sequence[Change]) -> None:
        tasks = self.rows[TASKS.name]
        for change in changes:
            if change.noun == TASKS.name:
                task = tasks.get(change.id)
                if task is not None and task.ended:
                    self._check_unlocked(task)
            elif change.noun in LOCKED:
                row = self.rows[change.noun].get(change.id)
                if row is not None and row.task_id is not None and row.task_id not in tasks:
                    text = f"{change.noun} {row.id} is locked by {row.task_id}, which is no task"
                    raise Broken(Invariant.LOCK_HAS_TASK, text, row.id)

    def _check_unlocked(self, task: Task) -> None:
        left = self.locks.pop(task.id, None)
        if left:
            noun, id = min(left)
            text = f"task {task.id} of {task.operation} is {task.state}, and {noun} {id} is locked"
            raise Broken(Invariant.LOCK_HAS_TASK, text, task.id, id)

    # For the end, and for stories

    def open_tasks(self) -> Iterator[Task]:
        return (task for task in self.rows[TASKS.name].values() if not task.ended)

    def story_of(self, ids: set[str]) -> Iterator[tuple[float, str]]:
        """When rows of these ids, or tasks about them, changed, and how they were then."""
        for seconds, noun, id, row in self.log:
            if id in ids or (isinstance(row, Task) and row.entity_id in ids):
                yield seconds, f"{noun} {id} {_in_short(row)}"


_NOUNS: Final = {noun.name: noun for noun in FOLLOWED}


def _check_task(old: Task | None, new: Task) -> None:
    if not new.ended and not new.owner:
        raise Broken(Invariant.TASK_HAS_OWNER, f"task {new.id} is open and nobody's", new.id)
    if old is not None and old.ended and (old.state, old.ended_ms) != (new.state, new.ended_ms):
        text = f"task {new.id} was {old.state}, and is {new.state}"
        raise Broken(Invariant.END_IS_FINAL, text, new.id, new.entity_id)


def _amounts(row: Vm | PersistentDisk) -> Iterator[tuple[str, float]]:
    costs = all_costs(row) if isinstance(row, Vm) else [row.cost]
    return ((amount.key, amount.base) for amount in total(costs))


def _in_short(row: Any) -> str:
    if row is None:
        return "is gone"
    shown = [f"at {row.generation}"]
    for name in ("operation", "state", "host_id", "vm_id", "task_id", "owner"):
        value = getattr(row, name, None)
        if value:
            shown.append(f"{name}={value}")
    if isinstance(row, Task):
        shown.append(f"steps={','.join(f'{s.operation}:{s.state}' for s in row.steps)}")
    return " ".join(shown)
