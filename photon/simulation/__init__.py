"""The whole cloud in one process: the real programs, on one virtual clock, from one seed."""
