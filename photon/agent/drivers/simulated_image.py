"""Captured images of simulated guests: real qcow2 files that hold an empty disk."""

from __future__ import annotations

from struct import pack

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_LEVEL_2_COVERS = (_CLUSTER // 8) * _CLUSTER  # bytes of disk that one entry of the L1 table maps
_VERSION, _HEADER_BYTES, _REFCOUNT_ORDER = 3, 104, 4
_LABEL_EXTENSION = 0x50484F54  # readers skip the extensions that they do not know
_FIRST_CLUSTERS = 4  # header, refcount table, refcount block, the first of the L1 table


def empty_qcow2(virtual_size_bytes: int, label: str) -> bytes:
    """A qcow2 (version 3) of an all-zero disk; `label` makes its checksum its own."""
    level_1_entries = -(-virtual_size_bytes // _LEVEL_2_COVERS)
    header = pack(
        ">4sIQIIQIIQQIIQQQQII",
        b"QFI\xfb",
        _VERSION,
        0,
        0,
        _CLUSTER_BITS,
        virtual_size_bytes,
        0,
        level_1_entries,
        3 * _CLUSTER,
        _CLUSTER,
        1,
        0,
        0,
        0,
        0,
        0,
        _REFCOUNT_ORDER,
        _HEADER_BYTES,
    )
    text = label.encode()
    extension = pack(">II", _LABEL_EXTENSION, len(text)) + text + b"\0" * (-len(text) % 8)
    level_1_clusters = max(1, -(-level_1_entries * 8 // _CLUSTER))
    clusters = _FIRST_CLUSTERS - 1 + level_1_clusters
    refcounts = pack(">H", 1) * clusters
    first = (header + extension).ljust(_CLUSTER, b"\0")
    table = pack(">Q", 2 * _CLUSTER).ljust(_CLUSTER, b"\0")
    return first + table + refcounts.ljust(_CLUSTER, b"\0") + b"\0" * (level_1_clusters * _CLUSTER)
