"""The command line: `photon NOUN VERB ...`, over the typed client as anybody's program would be."""
