"""The report of a plan: what it says, on a terminal, and as one HTML page with plots."""
