"""All kinds of faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photon.simulation import faults_of_hosts as hosts
from photon.simulation import faults_of_networks as networks
from photon.simulation import faults_of_programs as programs
from photon.simulation import faults_of_services as services
from photon.simulation.faults import Make
from photon.simulation.faults_of_services import ensemble_of, store_of
from photon.simulation.profiles import FaultKind

FAULTS: Final[Mapping[FaultKind, Make]] = {
    FaultKind.CRASH_CONTROLLER: programs.crash_controller,
    FaultKind.CRASH_AT_COMMIT: programs.crash_at_commit,
    FaultKind.CRASH_AT_MESSAGE: programs.crash_at_message,
    FaultKind.CRASH_AGENT: programs.crash_agent,
    FaultKind.CRASH_HOST: programs.crash_host,
    FaultKind.FREEZE_CONTROLLER: programs.freeze_controller,
    FaultKind.FREEZE_AGENT: programs.freeze_agent,
    FaultKind.EXPIRE_SESSION: programs.expire_session,
    FaultKind.STEP_CLOCK: programs.step_clock,
    FaultKind.PARTITION: networks.partition,
    FaultKind.CUT_ONE_WAY: networks.cut_one_way,
    FaultKind.SLOW_MACHINE: networks.slow_machine,
    FaultKind.RESET_CONNECTIONS: networks.reset_connections,
    FaultKind.FILL_DATASTORE: hosts.fill_datastore,
    FaultKind.FAIL_CREATES: hosts.fail_creates,
    FaultKind.FAIL_FETCHES: hosts.fail_fetches,
    FaultKind.REFUSE_POWER: hosts.refuse_power,
    FaultKind.REFUSE_ATTACH: hosts.refuse_attach,
    FaultKind.BREAK_ATTACH: hosts.break_attach,
    FaultKind.KILL_GUEST: hosts.kill_guest,
    FaultKind.STORE_AWAY: lambda f: services.away(f, store_of(f), hangs=False, most=15.0),
    FaultKind.STORE_HANGS: lambda f: services.away(f, store_of(f), hangs=True, most=8.0),
    FaultKind.STORE_FULL: services.store_full,
    FaultKind.CUT_FROM_STORE: lambda f: services.cut_from(f, store_of(f)),
    FaultKind.TRIM_FEED: services.trim_feed,
    FaultKind.ENSEMBLE_AWAY: lambda f: services.away(f, ensemble_of(f), hangs=False, most=20.0),
    FaultKind.ENSEMBLE_HANGS: lambda f: services.away(f, ensemble_of(f), hangs=True, most=20.0),
    FaultKind.CUT_FROM_ENSEMBLE: lambda f: services.cut_from(f, ensemble_of(f)),
    FaultKind.STORE_FAILS_OVER: services.store_fails_over,
}
