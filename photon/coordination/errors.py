"""What can go wrong between controllers and what they agree through."""

from __future__ import annotations


class CoordinationUnavailable(Exception):
    """The members cannot be asked now. Whoever leads goes on for as long as its lease lasts."""
