"""Why a write-set was refused: facts for the caller, who turns them into the catalogue's errors."""

from __future__ import annotations


class StoreConflict(Exception):
    """A condition of the write-set does not hold. Nothing was changed."""


class AlreadyExists(StoreConflict):
    """A row with this id or this unique key is there."""

    def __init__(self, noun: str, columns: tuple[str, ...]) -> None:
        super().__init__(f"{noun} with the same {', '.join(columns)} exists")
        self.noun = noun
        self.columns = columns


class StaleGeneration(StoreConflict):
    """The row changed, or went, since it was read. Look again, then decide."""

    def __init__(self, noun: str, id: str) -> None:
        super().__init__(f"{noun} {id} is no longer what was read")
        self.noun = noun
        self.id = id


class RequirementFailed(StoreConflict):
    """A row that the write-set relies on is gone, or not in the state it needs."""

    def __init__(self, noun: str, id: str) -> None:
        super().__init__(f"{noun} {id} is not as required")
        self.noun = noun
        self.id = id


class InUse(StoreConflict):
    """Rows that must not exist do. `count` is bounded by IN_USE_COUNT_MAX."""

    def __init__(self, noun: str, count: int) -> None:
        super().__init__(f"{count} {noun} in the way")
        self.noun = noun
        self.count = count


class QuotaExceeded(StoreConflict):
    """`key` of the owner's quota has no room. Amounts are in base units; `unit` is the limit's."""

    def __init__(
        self,
        owner_id: str,
        key: str,
        limit: float,
        usage: float,
        amount: float,
        unit: str,
    ) -> None:
        super().__init__(f"quota {key} of {owner_id}: {usage} + {amount} > {limit}")
        self.owner_id = owner_id
        self.key = key
        self.limit = limit
        self.usage = usage
        self.amount = amount
        self.unit = unit


class StoreBusy(Exception):
    """Too many write-sets wait already. Try again in a moment."""


class FeedTrimmed(Exception):
    """The change feed no longer reaches back so far; `oldest` is where it begins."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"the change feed begins at revision {oldest}")
        self.oldest = oldest


class StoreUnavailable(Exception):
    """The store cannot write, or is closed. Nothing was acknowledged; try again when it is well."""


class StoreNotOpened(Exception):
    """The store cannot be opened. The text tells an operator why, and what to do."""


class StoreLocked(StoreNotOpened):
    """Another process has this store open, and only one may."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(
            f"The store {path} is in use by process {holder or '(unknown)'}. "
            "Stop that controller first, or give this one a store of its own."
        )
        self.path = path
        self.holder = holder


class SchemaTooNew(StoreNotOpened):
    """The store was written by a newer release than this one."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"The store has schema {found}, and this release knows schemas up to {known}. "
            "Start the release that wrote it, or a newer one."
        )
        self.found = found
        self.known = known


class StoreOutcomeUnknown(StoreUnavailable):
    """The store went away while it was committing, and did not come back in time to be asked.

    What was asked for may have been done, or may not. Read before you try again.
    """


class StoreLost(StoreUnavailable):
    """This process can use the store no more, whatever comes back; another process can."""


class NotStorable(Exception):
    """A value that no store can keep, such as a number of more than 64 bits. Our caller's bug."""


class SchemaTooOld(StoreNotOpened):
    """The store was written by an older release, and others may still be using it."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(
            f"The store has schema {found}, and this release needs {needed}. Stop every controller "
            "that uses it, then run: photon store migrate"
        )
        self.found = found
        self.needed = needed


class StoreInUse(StoreNotOpened):
    """Controllers use this store, and what was asked for needs it alone."""


class StoreNotReached(StoreNotOpened):
    """No server answers at the store's address, or it refuses."""
