"""The scheduler's tree alone, with what lies on the hosts of a simulated cloud."""

from __future__ import annotations

from photon.plan.looking import look
from photon.plan.placing.cloud import Placed, PlacingCloud, placement_on
from photon.plan.roster import Roster
from photon.plan.stage import Stage


async def mirrored(stage: Stage, roster: Roster) -> PlacingCloud:
    """Every VM of the roster, on the host and the datastores where it is now."""
    cloud = PlacingCloud(stage.hosts, stage.workload, stage.world.chance.stream("placing"))
    view = await look(stage)
    address_of = {id: address for address, id in stage.ground.host_ids.items()}
    for life in roster.on(view, stage.agent_of):
        address = address_of[view.vms[life.vm_id].host_id or ""]
        guest = await stage.agent_of[address].drivers[address].guest(life.vm_id)
        assert guest is not None, "a calm cloud's hosts have what its store says"
        demand = cloud.demand_of(life.vm_id, life.set_name, life.wants)
        on = [disk.datastore_id or guest.datastore_id for disk in guest.disks]
        placed = Placed(life.set_name, life.wants, demand, placement_on(demand, address, on))
        await cloud.put(placed)
    return cloud
