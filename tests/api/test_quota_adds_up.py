"""Whatever is done to quota: what is used is the sum of what exists, on both levels."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from photon.domain.quota import Amount, QuotaUnit
from photon.store.errors import QuotaExceeded
from photon.store.protocol import Charge
from tests.api.rig import Api

KEYS = ("cpu", "mem", "n")
UNITS = {"cpu": "COUNT", "mem": "MB", "n": "COUNT"}
PROJECTS = 3

quotas = st.dictionaries(
    st.sampled_from(KEYS), st.integers(0, 40).map(lambda quarters: quarters / 4), max_size=3
)
places = st.integers(0, PROJECTS - 1)
verbs = st.sampled_from(["PUT", "PATCH", "DELETE"])


def wire(said: dict[str, float]) -> dict[str, Any]:
    return {
        "quotaItems": {key: {"limit": value, "unit": UNITS[key]} for key, value in said.items()}
    }


class QuotaMachine(RuleBasedStateMachine):
    """A tenant, some projects, and what is in them."""

    @initialize(said=quotas)
    def begin(self, said: dict[str, float]) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.api = Api(Path(self.folder.name))
        self.run(self.api.open())
        body = {"name": "t", "quota": wire(said)}
        self.tenant = self.run(self.api.made("/v1/tenants", body))
        self.projects: dict[int, str] = {}
        self.used: dict[tuple[str, str], float] = {}

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.run(self.api.ask(method, path, body))
        assert answer.status_code in (201, 400), answer.text
        if answer.status_code == 400:
            assert answer.json()["code"] in ("QuotaError", "NameTaken", "ContainerNotEmpty")
            return None
        return answer.json()["entity"]["id"]

    @rule(said=quotas, verb=verbs)
    def change_tenant(self, said: dict[str, float], verb: str) -> None:
        self.ask(verb, f"/v1/tenants/{self.tenant}/quota", wire(said))

    @rule(said=quotas, place=places)
    def make_project(self, said: dict[str, float], place: int) -> None:
        body = {"name": f"p{place}", "quota": wire(said)}
        made = self.ask("POST", f"/v1/tenants/{self.tenant}/projects", body)
        if made is not None:
            self.projects[place] = made

    @rule(said=quotas, place=places, verb=verbs)
    def change_project(self, said: dict[str, float], place: int, verb: str) -> None:
        if place in self.projects:
            self.ask(verb, f"/v1/projects/{self.projects[place]}/quota", wire(said))

    @rule(place=places)
    def delete_project(self, place: int) -> None:
        if place in self.projects and self.ask("DELETE", f"/v1/projects/{self.projects[place]}"):
            gone = self.projects.pop(place)
            self.used = {at: n for at, n in self.used.items() if at[0] != gone}

    @rule(place=places, key=st.sampled_from(KEYS), quarters=st.integers(1, 20))
    def use(self, place: int, key: str, quarters: int) -> None:
        """A VM comes, or does not fit."""
        if place not in self.projects:
            return
        project, unit = self.projects[place], QuotaUnit(UNITS[key])
        charge = Charge(project, (Amount(key, quarters / 4, unit),))
        try:
            self.run(self.api.store.commit([charge]))
        except QuotaExceeded:
            return
        self.used[project, key] = self.used.get((project, key), 0.0) + quarters / 4

    @rule(place=places, key=st.sampled_from(KEYS))
    def release(self, place: int, key: str) -> None:
        """All VMs go."""
        project = self.projects.get(place, "")
        if used := self.used.pop((project, key), 0.0):
            amount = Amount(key, -used, QuotaUnit(UNITS[key]))
            self.run(self.api.store.commit([Charge(project, (amount,))]))

    @invariant()
    def usage_is_the_sum_of_what_exists(self) -> None:
        held = dict.fromkeys(KEYS, 0.0)
        for project in self.projects.values():
            for row in self.run(self.api.store.quota(project)):
                factor = 1 << 20 if row.key == "mem" else 1
                assert row.usage == self.used.get((project, row.key), 0.0) * factor
                assert row.limit is None or row.usage <= row.limit
                held[row.key] += row.limit or 0.0
        for row in self.run(self.api.store.quota(self.tenant)):
            assert row.usage == held.pop(row.key), row
            assert row.limit is None or row.usage <= row.limit
        assert not any(held.values())

    def teardown(self) -> None:
        if hasattr(self, "api"):
            self.run(self.api.close())
            self.loop.close()
            self.folder.cleanup()


QuotaMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestQuotaAddsUp = QuotaMachine.TestCase
