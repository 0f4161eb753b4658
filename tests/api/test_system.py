"""The system as a whole (contract, 1.3, 2.3, 3.9 and 10.2)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from photon.api.plane import Instance
from photon.api.routes import ROUTES
from photon.api.views.system import component_status
from photon.coordination.protocol import CONTROLLER
from photon.domain.kinds import EntityKind
from photon.domain.member import Member
from photon.domain.orphan import Orphan
from photon.domain.system import SystemState
from photon.domain.topology import NodeKind, NodeLoad, Picture
from photon.store.nouns import MEMBERS, ORPHANS
from photon.store.protocol import Insert
from photon.wire.v1.system import ComponentInstance, StatusType
from tests.api.builders import a_host, a_project, a_tenant, a_vm
from tests.api.cloud_rig import CloudApi
from tests.api.rig import OWNER, Api


async def test_it_is_available_under_both_names(api: Api) -> None:
    for path in ("/v1/available", "/v1/system/available", "/v1/available/"):
        assert await api.get(path) == {}


async def test_the_release_and_the_network_are_shown(api: Api) -> None:
    assert await api.get("/v1/info") == {
        "baseVersion": "1.2.1",
        "fullVersion": "1.2.1-abcdef0",
        "gitCommitHash": "abcdef0",
        "networkType": "PHYSICAL",
    }


async def test_authentication_is_off(api: Api) -> None:
    assert await api.get("/v1/system/auth") == {
        "enabled": False,
        "endpoint": None,
        "port": None,
        "domain": None,
    }
    await api.refused(
        "POST", "/v1/system/set-security-groups", {"items": ["a\\b"]}, code="InvalidAuthConfig"
    )


async def test_the_info_of_the_system_has_every_member(api: Api) -> None:
    info = await api.get("/v1/system/info")
    assert (info["state"], info["networkType"]) == ("READY", "PHYSICAL")
    assert set(info) == {
        "baseVersion",
        "fullVersion",
        "gitCommitHash",
        "networkType",
        "state",
        "syslogEndpoint",
        "ntpEndpoint",
        "stats",
        "imageDatastores",
        "useImageDatastoreForVms",
        "auth",
        "networkConfiguration",
        "loadBalancerEnabled",
        "loadBalancerAddress",
        "serviceConfigurations",
    }


async def test_the_status_is_that_of_the_controllers(api: Api) -> None:
    status = await api.get("/v1/system/status")
    assert status["status"] == "READY"
    (component,) = status["components"]
    assert component["component"] == "PHOTON_CONTROLLER"
    assert component["stats"] == {"READY": "1"}
    assert component["instances"][0]["address"] == "10.0.0.1"
    api.instances = []
    status = await api.get("/v1/system/status")
    assert (status["status"], status["components"][0]["status"]) == ("ERROR", "UNREACHABLE")


async def test_other_parts_are_shown_to_who_asks_for_them(api: Api) -> None:
    api.instances += [
        Instance("PHOTON_CONTROLLER", "10.0.0.2", "READY", message="leads: chairman"),
        Instance("CLOUD_STORE", "embedded", "READY"),
        Instance("AGENT", "", "PARTIAL_ERROR", message="1 of 9 hosts are missing"),
    ]
    status = await api.get("/v1/system/status?parts=true")
    assert status["status"] == "READY", "some host is always missing"
    parts = {each["component"]: each for each in status["components"]}
    assert list(parts) == ["PHOTON_CONTROLLER", "CLOUD_STORE", "AGENT"]
    assert parts["PHOTON_CONTROLLER"]["stats"] == {"READY": "2"}
    assert parts["PHOTON_CONTROLLER"]["instances"][1]["message"] == "leads: chairman"
    assert parts["AGENT"]["status"] == "PARTIAL_ERROR"
    api.instances.append(Instance("CLOUD_STORE", "db2", "UNREACHABLE"))
    assert (await api.get("/v1/system/status?parts=true"))["status"] == "PARTIAL_ERROR"
    alone = await api.get("/v1/system/status")
    assert [each["component"] for each in alone["components"]] == ["PHOTON_CONTROLLER"]
    assert alone["status"] == "PARTIAL_ERROR", "of the whole system, whatever is shown"


@pytest.mark.parametrize(
    ("instances", "whole"),
    [
        (["READY", "READY"], "READY"),
        (["READY", "INITIALIZING"], "INITIALIZING"),
        (["READY", "ERROR"], "PARTIAL_ERROR"),
        (["INITIALIZING", "UNREACHABLE"], "PARTIAL_ERROR"),
        (["UNREACHABLE", "ERROR"], "ERROR"),
        (["UNREACHABLE", "UNREACHABLE"], "UNREACHABLE"),
        (["PARTIAL_ERROR", "READY"], "PARTIAL_ERROR"),
    ],
)
def test_a_component_is_as_bad_as_its_instances(instances: list[str], whole: str) -> None:
    seen = [ComponentInstance("a", StatusType(status)) for status in instances]
    assert component_status(seen).status == whole


async def test_everything_is_counted(api: Api) -> None:
    tenant = await a_tenant(api)
    for n in range(2):
        await a_vm(api, await a_project(api, tenant, f"p{n}"))
    await a_host(api)
    assert await api.get("/v1/system/usage") == {
        "numberHosts": 1,
        "numberVMs": 2,
        "numberTenants": 1,
        "numberProjects": 2,
        "numberDatastores": 0,
        "numberServices": 0,
    }


async def test_there_are_no_management_vms(api: Api) -> None:
    page = await api.get("/v1/system/vms")
    assert page == {"items": [], "nextPageLink": None, "previousPageLink": None}
    await api.refused("GET", "/v1/system/vms?pageSize=0", code="InvalidPageSize")


async def test_properties_have_both_spellings(api: Api) -> None:
    assert await api.get("/v1/system/properties") == {"quorum": 1, "Quorum": 1}
    answer = await api.ask("POST", "/v1/system/properties/update/", {"size": 3})
    assert answer.json() == {"quorum": 3, "Quorum": 3}
    assert await api.get("/v1/system/properties") == {"quorum": 3, "Quorum": 3}
    for size in (0, 1001, 2**70):
        answer = await api.ask("POST", "/v1/system/properties/update", {"size": size})
        assert answer.status_code == 400


async def test_a_paused_system_refuses_every_change(api: Api) -> None:
    task = await api.do("POST", "/v1/system/pause")
    assert (task["operation"], task["entity"]["kind"]) == ("PAUSE_SYSTEM", "deployment")
    assert (await api.get("/v1/system/info"))["state"] == "PAUSED"
    for route in ROUTES:
        path = route.path.replace("{id}", "x")
        if route.method == "GET" and route.gate == "read":
            answer = await api.client.get(path)
            assert answer.status_code in (200, 404), path
        elif route.gate == "change":
            await api.refused(route.method, path, {}, code="SystemPaused", status=403)
    assert (await api.do("POST", "/v1/system/resume"))["operation"] == "RESUME_SYSTEM"
    await api.made("/v1/zones", {"name": "z"})


async def test_background_pause_lets_the_api_work(api: Api) -> None:
    await api.do("POST", "/v1/system/pause")
    task = await api.do("POST", "/v1/system/pause-background-tasks")
    assert task["operation"] == "PAUSE_BACKGROUND_TASKS"
    assert api.system.get().state is SystemState.BACKGROUND_PAUSED
    await api.made("/v1/zones", {"name": "z"})
    await api.do("POST", "/v1/system/pause-background-tasks")


async def test_the_reference_is_served_while_paused(api: Api) -> None:
    await api.do("POST", "/v1/system/pause")
    for path in ("/docs", "/openapi.json"):
        assert (await api.client.get(path)).status_code == 200


async def test_the_tree_is_shown_in_pages_of_its_nodes(api: Api) -> None:
    nodes = [
        NodeLoad("root", NodeKind.ROOT, children=2, cpus_free=1, cpus_offered=4),
        NodeLoad("leaf-1", NodeKind.LEAF, "root", memory_mib_free=1, memory_mib_offered=2),
        NodeLoad("leaf-2", NodeKind.LEAF, "root"),
    ]
    api.plane.topology = lambda: Picture(9, "id", "c-1", tuple(nodes))
    first = await api.get("/v1/system/topology?pageSize=2")
    assert [(node["id"], node["load"]) for node in first["items"]] == [
        ("root", 0.75),
        ("leaf-1", 0.5),
    ]
    assert (first["items"][0]["version"], first["items"][0]["chairmanName"]) == (9, "c-1")
    second = await api.get(first["nextPageLink"])
    assert [node["id"] for node in second["items"]] == ["leaf-2"]
    assert second["nextPageLink"] is None
    back = await api.get(second["previousPageLink"])
    assert [node["id"] for node in back["items"]] == ["root", "leaf-1"]
    del nodes[1]
    await api.refused("GET", first["nextPageLink"], code="PageExpired", status=404)


async def test_orphans_are_listed_until_they_are_removed(api: Api) -> None:
    assert await api.items("/v1/system/orphans") == []
    orphan = Orphan("h/g", "h", "10.0.0.1", EntityKind.VM, "g", "there is no such VM", 5000)
    await api.store.commit([Insert(ORPHANS, orphan)])
    assert await api.items("/v1/system/orphans") == [
        {
            "id": "g",
            "kind": "vm",
            "hostId": "h",
            "hostAddress": "10.0.0.1",
            "reason": "there is no such VM",
            "seenTime": 5000,
            "removalTime": 305_000,
        }
    ]


async def test_of_audits_that_are_asked_for_at_the_same_moment_one_is_accepted(
    tmp_path: Path,
) -> None:
    """Whichever controllers are asked: both looked before either had written."""
    api = CloudApi(tmp_path, hosts=1)
    await api.open()
    try:
        await api.cloud.audit_turn.acquire()
        answers = await asyncio.gather(*(api.ask("POST", "/v1/system/audit") for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 429, 429]
    finally:
        api.cloud.audit_turn.release()
        await api.close()


async def test_an_audit_is_asked_for_once_at_a_time(tmp_path: Path) -> None:
    api = CloudApi(tmp_path, hosts=2)
    await api.open()
    try:
        await api.ready_host()
        me = Member(OWNER, OWNER, CONTROLLER, "http://api.test")
        await api.store.commit([Insert(MEMBERS, me)])
        await api.cloud.audit_turn.acquire()
        first = (await api.ask("POST", "/v1/system/audit")).json()
        assert (first["operation"], first["entity"]["kind"]) == ("AUDIT_SYSTEM", "deployment")
        again = await api.ask("POST", "/v1/system/audit")
        error = again.json()
        assert (again.status_code, error["code"]) == (429, "AuditUnderWay")
        assert error["data"] == {"taskId": first["id"]}
        api.cloud.audit_turn.release()
        assert (await api.ended(first["id"])).resource_properties == {
            "findings": [],
            "unlisted": 0,
            "hosts": 1,
            "hostsSilent": 0,
            "quotasUnsettled": 0,
        }
        assert (await api.ask("POST", "/v1/system/audit")).status_code == 201
    finally:
        await api.close()
