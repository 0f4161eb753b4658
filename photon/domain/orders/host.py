"""What the sagas of hosts are asked to do. Kept in tasks, so later releases must read it too."""

from __future__ import annotations

import msgspec


class HostOrder(msgspec.Struct, frozen=True):
    """All that most operations need; which one it is, the task says."""

    host_id: str


class DeleteHost(msgspec.Struct, frozen=True):
    """`deprovision`: its agent may believe that it is ours. `silently`: also if it is silent."""

    host_id: str
    deprovision: bool
    silently: bool


class SyncHosts(msgspec.Struct, frozen=True):
    """Every host that is provisioned, and the datastores that images are to be kept on."""
