"""`python -m photon.agent`."""

from photon.agent.main import main

main()
