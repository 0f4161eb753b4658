"""Where the program begins and ends: every error becomes one paragraph and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from photon.cli.root import photon

EXIT_ERROR = 1  # the API refused, or a task failed
EXIT_INTERRUPTED = 130  # as shells report a program that Ctrl-C ended
DEBUG_VARIABLE = "PHOTON_DEBUG"


def main() -> None:
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 refused or failed, 2 usage, 3 not found, 4 unreachable, 130 cut."""
    try:
        # A command answers None; click turns `--help` and the like into their code.
        ended = photon.main([*arguments], prog_name="photon", standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        print(f"photon: {error.format_message()}", file=sys.stderr)
        return error.exit_code
    except click.Abort:
        print(
            "photon: interrupted. A task that was begun goes on: photon task list", file=sys.stderr
        )
        return EXIT_INTERRUPTED
    except Exception as error:  # the edge: a person gets a paragraph, never a traceback
        return report(error)


def report(error: Exception) -> int:
    """Says what went wrong on standard error; the exit code."""
    # Only now, since these load the client, which `--help` and usage errors do without.
    from photon.cli.problems import explained

    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exception(error)
    problem = explained(error)
    print(f"photon: {problem.paragraph}", file=sys.stderr)
    return problem.exit_code
