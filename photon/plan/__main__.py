"""`python -m photon.plan`, which `photon plan` starts."""

from __future__ import annotations

import sys

EXIT_FAILED = 1


def main() -> None:
    try:
        from photon.plan.program import photon_plan
    except ModuleNotFoundError as missing:
        # A client alone may have been installed, without what a controller runs on.
        package = (missing.name or "").partition(".")[0]
        if package == "photon":
            raise
        print(
            f"photon plan: it simulates the whole product, and {package!r} is not installed. "
            "Install photon-controller with all that it depends on: python -m pip install "
            "photon-controller (in a checkout: -r requirements/run.lock).",
            file=sys.stderr,
        )
        sys.exit(EXIT_FAILED)
    photon_plan(prog_name="photon plan")


if __name__ == "__main__":
    main()
