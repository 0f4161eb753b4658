"""photon auth: how the target authenticates."""

from __future__ import annotations

from photon.cli.session import Session, pass_session
from photon.cli.verb import Noun

COMMAND = Noun("auth", help="How the target authenticates.")


@COMMAND.command("show")
@pass_session
def show(session: Session) -> None:
    """Show whether the target wants tokens, and who gives them."""
    from photon.cli.answer import print_entity, print_json

    auth = session.client.system.auth()
    (print_json if session.output == "json" else print_entity)(auth)
