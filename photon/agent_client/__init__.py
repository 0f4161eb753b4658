"""How controllers talk to the agents of their hosts: `protocol` says what, `client` does it."""
