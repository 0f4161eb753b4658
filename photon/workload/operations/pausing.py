"""The system's pause: asked for, held for some seconds, and always ended."""

from __future__ import annotations

from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.gate import BACKGROUND_PAUSED, PAUSED, READY, SYSTEM_INFO

SYSTEM: Final = "/v1/system"
HELD_SECONDS_MAX: Final = 6.0  # Others find it closed now and then, and most of the time open.
# Longer than a controller can be cut off: it hears of a pause, or of its end, then at the latest.
LEARN_SECONDS_MAX: Final = 300.0
SILENT_SECONDS_MAX: Final = 10.0  # Who does not answer for so long is not waited for.
ASK_SECONDS: Final = 1.0
TRIES_MAX: Final = 30  # Each is a dozen, for minutes: no outage lasts as long as all of them.


async def pause(client: Client) -> None:
    """All that writes, or the duties alone. Where others work too, they are not disturbed."""
    if not client.site.alone:
        return
    state, name = client.random.choice(
        ((PAUSED, "pause"), (PAUSED, "pause"), (BACKGROUND_PAUSED, "pause-background-tasks"))
    )
    gate, key = client.caller.desk.gate, client.caller.desk.new_key()
    change = gate.begin(client.history.tick(), state)
    for _ in range(TRIES_MAX):
        reply = await client.caller.post(f"{SYSTEM}/{name}", key=key)
        if reply.refused:
            gate.over(change, client.history.tick(), done=False, refused=True)
            return  # It is paused already.
        if reply.ok:
            break
        # It may have happened, and may yet happen: by its key it is found out when all goes again.
        await _resume(client)
    else:
        raise Broken(Promise.REFUSED_FOR_A_REASON, f"the system can never be told to {name}")
    client.caller.task_in(reply)
    gate.over(change, client.history.tick(), done=True, refused=False)
    await _until_shown(client, state)
    await client.caller.desk.clock.sleep(client.random.random() * HELD_SECONDS_MAX)
    await _resume(client)
    await _until_shown(client, READY)


async def _resume(client: Client) -> None:
    gate, key = client.caller.desk.gate, client.caller.desk.new_key()
    change = gate.begin(client.history.tick(), READY)
    for _ in range(TRIES_MAX):
        reply = await client.caller.post(f"{SYSTEM}/resume", key=key)
        if reply.ok:
            client.caller.task_in(reply)
            gate.over(change, client.history.tick(), done=True, refused=False)
            return
    raise Broken(Promise.REFUSED_FOR_A_REASON, "the system can never be resumed")


async def _until_shown(client: Client, state: str) -> None:
    """By every controller that answers, unless somebody asks for another state meanwhile.

    Raises:
        Broken: one goes on showing what was before.
    """
    clock, gate = client.caller.desk.clock, client.caller.desk.gate
    for way in range(len(client.caller.ways)):
        began = heard = clock.monotonic()
        while gate.state.values == {state}:
            reply = await client.caller.ask_way(way, SYSTEM_INFO)
            now = clock.monotonic()
            if reply.ok:
                heard = now
                shown = reply.body["state"]
                if shown == state:
                    break
                if now - began > LEARN_SECONDS_MAX and gate.state.values == {state}:
                    text = f"way {way} shows the system as {shown}, long after it became {state}"
                    raise Broken(Promise.READS_SEE_WRITES, text)
            elif now - heard > SILENT_SECONDS_MAX:
                break
            await clock.sleep(ASK_SECONDS)
