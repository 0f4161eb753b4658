"""Builds the demo guest: a Debian kernel and busybox on a bootable disk of a few MiB.

`python -m photon.guestimage build --out DIR`. It needs no loop mount and no network but Debian's
mirrors: packages come by `apt-get download` and are kept in DIR/packages for the next time.
"""
