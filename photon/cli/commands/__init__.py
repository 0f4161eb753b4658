"""One module a noun. Each is imported when its noun is named, so that `photon --help` is quick."""
