"""How a ZooKeeper ensemble is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ensemble:
    """`servers` is "host:port,host:port"; all that is kept there lies below `root`.

    With a user, everything that is made there can be changed by that user alone (digest ACL).
    """

    servers: str
    root: str = ""  # such as "/photon"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None  # PEM; with it, TLS
    certificate: Path | None = None  # PEM
    key: Path | None = None  # PEM
