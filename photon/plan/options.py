"""How a plan is gone through, whatever is in its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

# Of one flavor: some twenty seconds. More are foretold by the scheduler, and not tried.
FIT_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Options:
    """`fit_max`: so many VMs of one flavor are made to see how many fit. `jobs`: processes."""

    seed: int = 1
    fit_max: int = FIT_MAX
    jobs: int = os.cpu_count() or 1
