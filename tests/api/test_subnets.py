"""Subnets of port groups (contract, 2.9 and 7.8)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.builders import a_host, a_vm, vm_gone
from tests.api.rig import BASE, Api


def spec(*names: str, **more: Any) -> dict[str, Any]:
    return {"name": "net", "portGroups": {"names": list(names)}, **more}


async def a_subnet(api: Api, *names: str) -> str:
    await a_host(api, *names)
    return await api.made("/v1/subnets", spec(*names))


async def test_a_subnet_is_ready_when_its_task_is_answered(api: Api) -> None:
    await a_host(api, "pg1", "pg2")
    body = spec(
        "pg1",
        "pg2",
        "pg1",
        description="for all",
        type="PORT_GROUP",
        privateIpCidr="10.0.0.0/24",
        dnsServerAddresses=["10.0.0.2"],
    )
    task = await api.do("POST", "/v1/subnets", body)
    assert (task["operation"], task["entity"]["kind"]) == ("CREATE_NETWORK", "subnet")
    id = task["entity"]["id"]
    assert await api.get(f"/v1/subnets/{id}") == {
        "id": id,
        "selfLink": f"{BASE}/v1/subnets/{id}",
        "name": "net",
        "tags": [],
        "kind": "subnet",
        "description": "for all",
        "type": "PORT_GROUP",
        "isDefault": False,
        "privateIpCidr": "10.0.0.0/24",
        "state": "READY",
        "reservedIps": {},
        "portGroups": {"names": ["pg1", "pg2"]},
        "dnsServerAddresses": ["10.0.0.2"],
    }
    assert [s["id"] for s in (await api.get("/v1/subnets?name=net"))["items"]] == [id]


async def test_port_groups_must_be_reported_by_a_host(api: Api) -> None:
    await a_host(api, "pg1")
    await a_host(api, "pg2")
    await api.made("/v1/subnets", spec("pg1", "pg2"))
    error = await api.refused(
        "POST", "/v1/subnets", spec("pg1", "pg3", "pg4"), code="PortGroupsDoNotExist"
    )
    assert error["data"] == {"portGroup": "pg3, pg4"}


async def test_a_port_group_is_in_one_subnet_only(api: Api) -> None:
    id = await a_subnet(api, "pg1", "pg2", "pg3")
    error = await api.refused(
        "POST", "/v1/subnets", spec("pg2", "pg1"), code="PortGroupAlreadyAddedToSubnet"
    )
    assert error["data"] == {"portGroup": "pg2\npg1", "network": f"{id}\n{id}"}


async def test_of_many_claims_of_a_port_group_at_once_one_is_granted(api_in_file: Api) -> None:
    api = api_in_file
    await a_host(api, "pg1", "pg2")
    asked = [spec("pg1", "pg2") if n % 2 else spec("pg2", "pg1") for n in range(8)]
    answers = await asyncio.gather(*(api.ask("POST", "/v1/subnets", body) for body in asked))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7


async def test_an_unused_subnet_and_its_port_groups_are_free_at_once(api: Api) -> None:
    id = await a_subnet(api, "pg1")
    assert (await api.do("DELETE", f"/v1/subnets/{id}"))["operation"] == "DELETE_NETWORK"
    await api.refused("GET", f"/v1/subnets/{id}", code="NetworkNotFound", status=404)
    await api.made("/v1/subnets", spec("pg1"))


async def test_a_used_subnet_goes_with_its_last_vm(api: Api) -> None:
    id = await a_subnet(api, "pg1")
    await api.do("POST", f"/v1/subnets/{id}/set_default")
    vms = [await a_vm(api, subnet_id=id) for _ in range(2)]
    await api.do("DELETE", f"/v1/subnets/{id}")
    shown = await api.get(f"/v1/subnets/{id}")
    assert (shown["state"], shown["isDefault"]) == ("PENDING_DELETE", False)
    for method, path, body in (
        ("DELETE", "", None),
        ("POST", "/set_default", None),
        ("POST", "/set_portgroups", {"names": ["pg1"]}),
    ):
        path = f"/v1/subnets/{id}{path}"
        await api.refused(method, path, body, code="InvalidNetworkState")
    await api.refused("POST", "/v1/subnets", spec("pg1"), code="PortGroupAlreadyAddedToSubnet")
    for vm in vms:
        assert (await api.get(f"/v1/subnets/{id}"))["state"] == "PENDING_DELETE"
        await vm_gone(api, vm, subnet_id=id)
    await api.refused("GET", f"/v1/subnets/{id}", code="NetworkNotFound", status=404)
    await api.made("/v1/subnets", spec("pg1"))


async def test_there_is_one_default(api: Api) -> None:
    ids = [await a_subnet(api, f"pg{n}") for n in range(3)]
    for id in (*ids, ids[0], ids[0]):
        task = await api.do("POST", f"/v1/subnets/{id}/set_default")
        assert task["operation"] == "SET_DEFAULT_NETWORK"
        subnets = (await api.get("/v1/subnets"))["items"]
        assert [subnet["id"] for subnet in subnets if subnet["isDefault"]] == [id]


async def test_of_many_defaults_at_once_one_is_left(api_in_file: Api) -> None:
    api = api_in_file
    ids = [await a_subnet(api, f"pg{n}") for n in range(6)]
    answers = await asyncio.gather(
        *(api.ask("POST", f"/v1/subnets/{id}/set_default") for id in ids)
    )
    assert {answer.status_code for answer in answers} <= {201, 400}
    assert any(answer.status_code == 201 for answer in answers)
    subnets = (await api.get("/v1/subnets"))["items"]
    assert sum(subnet["isDefault"] for subnet in subnets) == 1


async def test_port_groups_are_replaced(api: Api) -> None:
    await a_host(api, "pg1", "pg2", "pg3")
    id = await api.made("/v1/subnets", spec("pg1", "pg2"))
    path = f"/v1/subnets/{id}/set_portgroups"
    assert (await api.do("POST", path, {"names": ["pg2", "pg3"]}))["operation"] == "SET_PORT_GROUPS"
    assert (await api.get(f"/v1/subnets/{id}"))["portGroups"] == {"names": ["pg2", "pg3"]}
    await api.made("/v1/subnets", spec("pg1"))
    for names, code in (
        (["pg1"], "PortGroupAlreadyAddedToSubnet"),
        (["none"], "PortGroupsDoNotExist"),
        ([], "InvalidEntity"),
    ):
        await api.refused("POST", path, {"names": names}, code=code)


async def test_a_subnet_is_renamed(api: Api) -> None:
    id = await a_subnet(api, "pg1")
    await api.do("PATCH", f"/v1/subnets/{id}", {"name": "other"})
    assert (await api.get(f"/v1/subnets/{id}"))["name"] == "other"
    tasks = (await api.get(f"/v1/subnets/{id}/tasks"))["items"]
    assert [task["operation"] for task in tasks] == ["CREATE_NETWORK", "UPDATE_SUBNET"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"portGroups": None}, "InvalidEntity"),
        ({"portGroups": {"names": []}}, "InvalidEntity"),
        ({"portGroups": ["pg1"]}, "InvalidJson"),
        ({"portGroups": {"names": ["x" * 266]}}, "InvalidEntity"),
        ({"portGroups": {"names": ["pg\x00"]}}, "InvalidEntity"),
        ({"portGroups": {"names": [f"pg{n}" for n in range(65)]}}, "InvalidEntity"),
        ({"type": "NAT"}, "InvalidEntity"),
        ({"type": "nonsense"}, "InvalidJson"),
        ({"privateIpCidr": "10.0.0.0"}, "InvalidEntity"),
        ({"privateIpCidr": "10.0.0.0/32"}, "InvalidEntity"),
        ({"privateIpCidr": "::1/64"}, "InvalidEntity"),
        ({"privateIpCidr": "1" * 65}, "InvalidEntity"),
        ({"dnsServerAddresses": ["dns.example"]}, "InvalidEntity"),
    ],
)
async def test_a_subnet_that_cannot_be(api: Api, change: dict[str, Any], code: str) -> None:
    await a_host(api, "pg1")
    await api.refused("POST", "/v1/subnets", {**spec("pg1"), **change}, code=code)


async def test_what_clients_leave_out_they_send_as_nothing(api: Api) -> None:
    await a_host(api, "pg1")
    body = spec("pg1", description="", privateIpCidr="", dnsServerAddresses=None, type=None)
    shown = await api.get(f"/v1/subnets/{await api.made('/v1/subnets', body)}")
    assert shown["privateIpCidr"] is None
    assert shown["dnsServerAddresses"] == []


async def test_a_subnet_that_is_not_there(api: Api) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {"name": "n"}),
        ("POST", "/set_default", None),
        ("POST", "/set_portgroups", {"names": ["pg"]}),
        ("GET", "/tasks", None),
    ):
        path = f"/v1/subnets/none{path}"
        await api.refused(method, path, body, code="NetworkNotFound", status=404)
