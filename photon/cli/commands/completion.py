"""photon completion: what a shell needs to complete commands and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from photon.cli.verb import Verb

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Verb,
    examples="""
    bash:  echo 'eval "$(photon completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(photon completion zsh)"' >> ~/.zshrc
    fish:  photon completion fish > ~/.config/fish/completions/photon.fish
    """,
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def COMMAND(ctx: click.Context, shell: str) -> None:  # noqa: N802  every noun's module has this one
    """Print the script that completes nouns, verbs, options and the names of things."""
    completion = get_completion_class(shell)
    assert completion is not None, "click knows these three"
    print(completion(ctx.find_root().command, {}, "photon", "_PHOTON_COMPLETE").source())
