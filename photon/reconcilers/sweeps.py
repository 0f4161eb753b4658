"""Every duty that removes what nothing needs any more (contract, 10.3)."""

from __future__ import annotations

from functools import partial
from typing import Final

from photon.agent_client.protocol import Agents
from photon.images.protocol import Images
from photon.outside.clock import Clock
from photon.reconcilers.duty import Duty
from photon.reconcilers.sweep_datastores import DatastoreSweeper
from photon.reconcilers.sweep_images import ImageSweeper
from photon.reconcilers.sweep_records import RecordSweeper
from photon.store.protocol import CloudStore

HOUSEKEEPER: Final = "housekeeper"  # The office: of all controllers, one at a time sweeps.

# The contract's hour is for one pass over everything; these pass over a part each time.
RECORDS_SECONDS: Final = 60.0
# A person who deletes a zone and looks again wants to see it PENDING_DELETE, and not for long.
ZONES_SECONDS: Final = 300.0
FILES_SECONDS: Final = 3600.0  # The contract's.
DATASTORES_SECONDS: Final = 12 * 3600.0  # The contract's; provisioning and removing tell at once.


def sweeps(store: CloudStore, agents: Agents, images: Images, clock: Clock) -> list[Duty]:
    """All of them rest while the system's background tasks are paused."""
    elected = partial(Duty, office=HOUSEKEEPER)
    records = RecordSweeper(store, clock)
    return [
        elected("sweep-tombstones", RECORDS_SECONDS, records.tombstones),
        elected("sweep-answers", RECORDS_SECONDS, records.answers),
        elected("sweep-zones", ZONES_SECONDS, records.zones),
        elected(
            "sweep-image-files", FILES_SECONDS, ImageSweeper(store, images).once, office=HOUSEKEEPER
        ),
        elected(
            "sweep-datastores",
            DATASTORES_SECONDS,
            DatastoreSweeper(store, agents).once,
            office=HOUSEKEEPER,
        ),
    ]
