"""Breaks a running cloud on purpose, and judges what its clients were told meanwhile."""
