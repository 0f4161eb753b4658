"""Keeps CloudStores: migrates, backs up, restores, checks and copies them, of either kind."""
