"""Looks for all mutations, or those that are named, and prints what found them as a table.

python -m tests.simulation.mutations [NAME ...]
"""

from __future__ import annotations

import sys
import time

import click

from tests.simulation.mutations.catalogue import MUTATIONS, look_for


def main(names: list[str]) -> int:
    """How many were not found."""
    unknown = set(names) - {mutation.name for mutation in MUTATIONS}
    if unknown:
        click.echo(f"There is no mutation {min(unknown)!r}.", err=True)
        return 2
    click.echo("| mutation | what is broken | profile | found by | in seed | CPU seconds |")
    click.echo("| --- | --- | --- | --- | --- | --- |")
    missed = 0
    for mutation in MUTATIONS:
        if names and mutation.name not in names:
            continue
        began = time.process_time()
        found = look_for(mutation, range(1, mutation.seeds_max + 1))
        seconds = time.process_time() - began
        rule, seed = found.rule or "**nothing**", found.seed
        missed += not found.rule
        cells = (mutation.name, mutation.what, mutation.profile, rule, seed, f"{seconds:.0f}")
        click.echo(f"| {' | '.join(map(str, cells))} |")
        if found.text:
            click.echo(f"{mutation.name}: {found.text}", err=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
