"""Guests by QEMU: one directory a guest, one process a running guest, spoken to in QMP."""
