"""What is demanded of a host's metadata (contract, 7.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from photon.domain.error_catalogue import InvalidEntity
from photon.domain.host import AGENT_ENDPOINT_KEY, ALLOWED_DATASTORES_KEY, UsageTag
from photon.domain.overcommit import check_overcommit

MANAGEMENT_KEYS: Final = (
    "MANAGEMENT_DATASTORE",
    "MANAGEMENT_PORTGROUP",
    "MANAGEMENT_NETWORK_IP",
    "MANAGEMENT_NETWORK_NETMASK",
    "MANAGEMENT_NETWORK_GATEWAY",
    "MANAGEMENT_NETWORK_DNS_SERVER",
)
ALLOWED_DATASTORES_MAX: Final = 256  # What an agent takes; hosts have a dozen.
_ENDPOINT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9_.-]*):([0-9]{1,5})")
_PORT_MAX: Final = 65535  # TCP has sixteen bits for it.


def check_metadata(usage_tags: Iterable[UsageTag], metadata: Mapping[str, str]) -> None:
    """Raises InvalidEntity."""
    if UsageTag.MGMT in usage_tags:
        missing = [key for key in MANAGEMENT_KEYS if not metadata.get(key)]
        if missing:
            raise InvalidEntity(
                problem=f"a host with the tag MGMT needs the metadata {', '.join(missing)}"
            )
    endpoint = metadata.get(AGENT_ENDPOINT_KEY)
    if endpoint and not _is_endpoint(endpoint):
        raise InvalidEntity(
            problem=f"the metadata {AGENT_ENDPOINT_KEY} is not of the form host:port"
        )
    check_overcommit(metadata)
    if metadata.get(ALLOWED_DATASTORES_KEY, "").count(",") >= ALLOWED_DATASTORES_MAX:
        raise InvalidEntity(
            problem=f"the metadata {ALLOWED_DATASTORES_KEY} names more than the "
            f"{ALLOWED_DATASTORES_MAX} datastores that a host may be given"
        )


def _is_endpoint(text: str) -> bool:
    match = _ENDPOINT.fullmatch(text)
    return match is not None and 0 < int(match[2]) <= _PORT_MAX
