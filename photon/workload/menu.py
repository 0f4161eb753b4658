"""What clients do, and how often: whoever wants another mix changes the weights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from photon.workload.client import Client
from photon.workload.operations import (
    catalogue,
    disks,
    hostile,
    hosts,
    lists,
    tenancy,
    vms,
)

Operation = Callable[[Client], Awaitable[object]]

# VMs are made a little more often than they are deleted, until quotas say no. What takes away the
# ground (a subnet, hosts) is rare, and is put back soon.
MENU: Final[Mapping[str, tuple[int, Operation]]] = {
    "create VM": (180, vms.create_vm),
    "create VM of what is gone": (12, vms.create_of_what_is_gone),
    "delete VM": (90, vms.delete_vm),
    "start VM": (90, vms.power("start")),
    "stop VM": (110, vms.power("stop")),
    "restart VM": (20, vms.power("restart")),
    "suspend VM": (25, vms.power("suspend")),
    "resume VM": (25, vms.power("resume")),
    "show VM": (60, vms.show_vm),
    "set metadata": (25, vms.set_metadata),
    "add tag": (25, vms.add_tag),
    "ask networks": (10, vms.ask_networks),
    "create disk": (60, disks.create_disk),
    "attach disk": (60, disks.attach_disk),
    "detach disk": (55, disks.detach_disk),
    "delete disk": (35, disks.delete_disk),
    "show disk": (20, disks.show_disk),
    "create tenant": (4, tenancy.create_tenant),
    "delete tenant": (4, tenancy.delete_tenant),
    "create project": (12, tenancy.create_project),
    "delete project": (12, tenancy.delete_project),
    "change limits": (30, tenancy.change_limits),
    "show quota": (30, tenancy.show_quota),
    "create flavor": (12, catalogue.create_flavor),
    "delete flavor": (10, catalogue.delete_flavor),
    "upload image": (5, catalogue.upload_image),
    "delete image": (5, catalogue.delete_image),
    "create subnet": (8, catalogue.create_subnet),
    "delete subnet": (3, catalogue.delete_subnet),
    "create zone": (4, catalogue.create_zone),
    "delete zone": (4, catalogue.delete_zone),
    "show something": (30, catalogue.show_something),
    "add host": (10, hosts.add_host),
    "provision host": (20, hosts.change("provision")),
    "suspend host": (12, hosts.change("suspend")),
    "resume host": (14, hosts.change("resume")),
    "enter maintenance": (8, hosts.change("enter-maintenance")),
    "exit maintenance": (8, hosts.change("exit-maintenance")),
    "put host into zone": (5, hosts.set_zone),
    "delete host": (6, hosts.delete_host),
    "show host": (10, hosts.show_host),
    "list something": (15, lists.list_something),
    "list project": (20, lists.list_project),
    "list tasks": (5, lists.list_tasks),
    "look at task": (15, lists.look_at_task),
    "ask the impossible": (10, hostile.ask_the_impossible),
    "reuse a key": (3, hostile.reuse_a_key),
}
