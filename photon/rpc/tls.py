"""TLS between programs that call each other, and know each other by one authority."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MutualTls:
    """PEM files. Either side shows its certificate, and talks to nobody whose `ca` is another.

    Both contexts raise OSError (ssl.SSLError is one) if the files cannot be used.
    """

    ca: Path
    certificate: Path
    key: Path

    def client(self) -> ssl.SSLContext:
        """For calling out. The certificate there must be for the host that is called."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        return self._finish(context)

    def server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        return self._finish(context)

    def _finish(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.load_cert_chain(self.certificate, self.key)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


def in_words(endpoint: str, problem: ssl.SSLError) -> str:
    """What it means, for who set up the certificates."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return (
            f"{endpoint} shows a certificate that is not trusted here ({problem.verify_message}); "
            "it must be signed by the authority that this side was given, and name that address"
        )
    reason = problem.reason or str(problem)
    if "ALERT" in reason:
        return (
            f"{endpoint} refuses the certificate of this side ({reason}); it must be signed by the "
            "authority that the other side was given"
        )
    return f"{endpoint} does not speak TLS as this side does ({reason}); start both with it"
