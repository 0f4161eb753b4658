"""Pages of lists (contract, 1.1): stable whatever is written meanwhile."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.api.rig import Api, Json


async def zones(api: Api, count: int, prefix: str = "z") -> list[str]:
    return [await api.made("/v1/zones", {"name": f"{prefix}{n}"}) for n in range(count)]


def ids(page: Json) -> list[str]:
    return [item["id"] for item in page["items"]]


async def test_pages_forth_and_back_show_everything_once(api: Api) -> None:
    made = await zones(api, 7)
    pages = [await api.get("/v1/zones?pageSize=3")]
    while pages[-1]["nextPageLink"]:
        pages.append(await api.get(pages[-1]["nextPageLink"]))
    assert [ids(page) for page in pages] == [made[:3], made[3:6], made[6:]]
    assert pages[0]["previousPageLink"] is None
    assert pages[0]["nextPageLink"].startswith("/v1/zones?pageLink=")
    back = [await api.get(pages[-1]["previousPageLink"])]
    while back[-1]["previousPageLink"]:
        back.append(await api.get(back[-1]["previousPageLink"]))
    assert [ids(page) for page in back] == [made[3:6], made[:3]]
    assert ids(await api.get(back[-1]["nextPageLink"])) == made[3:6]


async def test_a_whole_list_has_no_links(api: Api) -> None:
    await zones(api, 3)
    page = await api.get("/v1/zones?pageSize=3")
    assert page["nextPageLink"] is None
    assert page["previousPageLink"] is None


async def test_a_link_keeps_the_filter_and_ignores_what_else_is_said(api: Api) -> None:
    for _ in range(3):
        await zones(api, 2)
    first = await api.get("/v1/zones?name=z1&pageSize=2")
    assert len(first["items"]) == 2
    second = await api.get(first["nextPageLink"] + "&name=z0&pageSize=50")
    assert [zone["name"] for zone in second["items"]] == ["z1"]


async def test_forth_stays_right_while_rows_come_and_go(api: Api) -> None:
    made = await api_with_flavors(api, 9)
    first = await api.get("/v1/flavors?pageSize=3")
    await api.do("DELETE", f"/v1/flavors/{made[0]}")
    await api.do("DELETE", f"/v1/flavors/{made[2]}")  # the one that the link goes on from
    await api.do("DELETE", f"/v1/flavors/{made[4]}")
    new = await api_with_flavors(api, 1, "n")
    second = await api.get(first["nextPageLink"])
    assert ids(second) == [made[3], made[5], made[6]]
    third = await api.get(second["nextPageLink"])
    assert ids(third) == [made[7], made[8], *new]


async def test_back_stays_right_while_rows_come_and_go(api: Api) -> None:
    made = await api_with_flavors(api, 9)
    third = await api.get((await api.get("/v1/flavors?pageSize=6"))["nextPageLink"])
    assert ids(third) == made[6:]
    await api.do("DELETE", f"/v1/flavors/{made[6]}")  # the one that the link goes back from
    await api.do("DELETE", f"/v1/flavors/{made[5]}")
    await api_with_flavors(api, 1, "n")
    assert ids(await api.get(third["previousPageLink"])) == made[:5]


async def api_with_flavors(api: Api, count: int, prefix: str = "f") -> list[str]:
    cost = [{"key": "k", "value": 1, "unit": "COUNT"}]
    kind = "ephemeral-disk"
    return [
        await api.made("/v1/flavors", {"name": f"{prefix}{n}", "kind": kind, "cost": cost})
        for n in range(count)
    ]


@pytest.mark.parametrize("size", ["0", "101", "-1", "x", "1.5", "9" * 30, "%00", "١"])
async def test_a_page_size_is_1_to_100(api: Api, size: str) -> None:
    error = await api.refused("GET", f"/v1/zones?pageSize={size}", code="InvalidPageSize")
    assert error["data"]["minPageSize"] == "1"
    assert error["data"]["maxPageSize"] == "100"


def opaque(*link: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(link).encode()).decode()


@pytest.mark.parametrize(
    "link",
    [
        "x",
        "%00",
        "A" * 5000,
        "é",
        opaque(),
        opaque("/v1/zones", 10, None, None),
        opaque("/v1/flavors", 10, None, None, {}),
        opaque("/v1/zones", 0, None, None, {}),
        opaque("/v1/zones", 1000, None, None, {}),
        opaque("/v1/zones", 10, "a", "b", {}),
        opaque("/v1/zones", 10, None, None, {"state": "READY"}),
        opaque("/v1/zones", 10, None, None, {"name": 7}),
        opaque("/v1/zones", 10, "\ud800", None, {}),
    ],
)
async def test_a_link_that_is_none(api: Api, link: str) -> None:
    error = await api.refused("GET", f"/v1/zones?pageLink={link}", code="PageExpired", status=404)
    assert set(error["data"]) == {"pageLink"}


async def test_a_link_of_one_list_is_none_of_another(api: Api) -> None:
    tenants = [await api.made("/v1/tenants", {"name": f"t{n}"}) for n in range(2)]
    for tenant in tenants:
        for n in range(2):
            await api.made(f"/v1/tenants/{tenant}/projects", {"name": f"p{n}"})
    first = await api.get(f"/v1/tenants/{tenants[0]}/projects?pageSize=1")
    stolen = first["nextPageLink"].replace(tenants[0], tenants[1])
    await api.refused("GET", stolen, code="PageExpired", status=404)


async def test_a_page_has_100_items_unless_it_is_said(api: Api) -> None:
    await zones(api, 101)
    assert len((await api.get("/v1/zones"))["items"]) == 100
    assert len(await api.items("/v1/zones")) == 101
