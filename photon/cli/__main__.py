"""`python -m photon.cli` is the program `photon`."""

from photon.cli.main import main

main()
