"""A process that serves one leaf: it hears its hosts from their agent, and opens a door.

Run: python -m tests.scheduler.leaf_process --agent HOST:PORT --listen HOST:PORT HOST_ID...

Says one line of JSON when its leaf knows all its hosts: {"listen": "host:port", "pid": 1}.
It keeps nothing: whatever it knows after it was killed, its hosts have told it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.rpc.network import TcpNetwork
from photon.scheduler.door import Door
from photon.scheduler.leaf import Leaf

NODE_ID = "leaf"
WAIT_MS = 5_000


async def serve(agent: str, listen: str, host_ids: list[str]) -> None:
    clock = RealClock()
    client = AgentClient(TcpNetwork(), clock)
    leaf = Leaf(clock)
    for host_id in host_ids:
        leaf.put_host(
            HostView(
                host_id, f"{host_id}.example", agent, HostState.READY, frozenset({UsageTag.CLOUD})
            )
        )
        assert leaf.report(await client.inventory(HostAddress(agent, host_id)))
    door = Door(clock, TimeOrderedIds(clock).new())
    door.admit(NODE_ID, leaf)
    endpoint = await door.open(TcpNetwork(), listen)
    sys.stdout.write(json.dumps({"listen": endpoint, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    boot_id, cursor = "", 0
    while True:
        batch = await client.report(agent, boot_id, cursor, WAIT_MS)
        boot_id, cursor = batch.boot_id, batch.cursor
        for report in batch.reports:
            leaf.report(report)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", required=True)
    parser.add_argument("--listen", required=True)
    parser.add_argument("host_ids", nargs="+")
    options = parser.parse_args()
    asyncio.run(serve(options.agent, options.listen, options.host_ids))


if __name__ == "__main__":
    main()
