"""`python -m photon.reference`: writes docs/reference anew."""

from __future__ import annotations

from pathlib import Path

import click

from photon.reference import pages


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs/reference"),
    show_default=True,
)
def main(out: Path) -> None:
    """Writes the pages that are made from the code."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in pages.pages().items():
        (out / name).write_text(content)
        click.echo(out / name)


main()
