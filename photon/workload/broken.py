"""A broken promise: which one, and about what."""

from __future__ import annotations

from enum import StrEnum


class Promise(StrEnum):
    """What the API promises its clients; each the name under which its breach is reported."""

    ANSWER_IS_WELL_FORMED = "ANSWER_IS_WELL_FORMED"
    NO_INTERNAL_ERROR = "NO_INTERNAL_ERROR"  # 5xx, but for 503 with a time to try again
    REFUSED_FOR_A_REASON = "REFUSED_FOR_A_REASON"  # what must be possible is not refused
    REFUSES_WHAT_CANNOT_BE = "REFUSES_WHAT_CANNOT_BE"
    ACKNOWLEDGED_EXISTS = "ACKNOWLEDGED_EXISTS"
    DELETED_STAYS_AWAY = "DELETED_STAYS_AWAY"
    NOTHING_FROM_NOWHERE = "NOTHING_FROM_NOWHERE"
    READS_SEE_WRITES = "READS_SEE_WRITES"
    TASK_ENDS_ONCE = "TASK_ENDS_ONCE"
    TASK_ENDS = "TASK_ENDS"
    IDS_ARE_NEW = "IDS_ARE_NEW"
    KEY_IS_ONE_REQUEST = "KEY_IS_ONE_REQUEST"  # an Idempotency-Key, however often it is sent
    NAMES_ARE_UNIQUE = "NAMES_ARE_UNIQUE"
    QUOTA_ADDS_UP = "QUOTA_ADDS_UP"
    AUDIT_FINDS_NOTHING = "AUDIT_FINDS_NOTHING"  # it looks again, so what it finds is so
    LISTS_ARE_WHOLE = "LISTS_ARE_WHOLE"
    WATCH_MISSES_NOTHING = "WATCH_MISSES_NOTHING"  # a list and its stream are what is there
    WATCH_TELLS_ONCE = "WATCH_TELLS_ONCE"  # each change, in order, however often it is gone on with
    WATCH_GOES_ON = "WATCH_GOES_ON"  # from where it was, unless the feed begins later


class Broken(Exception):
    """A promise that was not kept. `ids` are what the story of it is about."""

    def __init__(self, promise: StrEnum, text: str, *ids: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise
        self.text = text
        self.ids = ids

    def __reduce__(self) -> tuple[object, ...]:
        """So that it can be told by another process."""
        return (type(self), (self.promise, self.text, *self.ids))
