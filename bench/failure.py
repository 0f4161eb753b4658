"""What ends a benchmark early, as one paragraph for people."""

from __future__ import annotations

import click


class BenchFailed(click.ClickException):
    """Says what happened and what to do; click prints it, and the exit status is 1."""
