"""A load on a cloud by its public API, and a judge of all that it answers."""
