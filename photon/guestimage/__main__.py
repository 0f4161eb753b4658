"""The command: `python -m photon.guestimage build --out DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from photon.guestimage.build import build
from photon.guestimage.commands import BuildFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="photon.guestimage", description="Builds the demo guest.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="build the demo guest's disk image")
    command.add_argument("--out", type=Path, required=True, help="directory for the image")
    chosen = parser.parse_args()
    try:
        build(chosen.out, lambda line: print(line, flush=True))
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
