"""Prints the tree of tenants, projects and VMs, with the blocking client.

python examples/list_everything.py http://127.0.0.1:9000
"""

from __future__ import annotations

import sys

from photon.sdk.client import Client


def main(target: str) -> None:
    with Client(target) as client:
        for tenant in client.tenants.list():
            print(tenant.name)
            for project in client.projects.list(tenant.id):
                print(f"  {project.name}")
                for vm in client.vms.list(project.id):
                    print(f"    {vm.name:20} {vm.state:10} {vm.host or '-'}")


if __name__ == "__main__":
    main(sys.argv[1])
