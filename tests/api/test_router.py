"""The API's router beside the one that Falcon brings: the same path, the same responder."""

from types import SimpleNamespace

from falcon import HTTPMethodNotAllowed
from falcon.constants import COMBINED_METHODS
from falcon.routing import CompiledRouter
from hypothesis import given
from hypothesis import strategies as st

from photon.api.router import VERBS, Router
from photon.api.routes import ROUTES

TEMPLATES = sorted({route.path for route in ROUTES})
SEGMENTS = sorted({part for path in TEMPLATES for part in path.split("/")} | {"x", "", "{id}", " "})


async def _answer(req: object, resp: object) -> None: ...


def _both() -> tuple[Router, CompiledRouter]:
    ours, falcons = Router(), CompiledRouter()
    for template in TEMPLATES:
        resource = SimpleNamespace(template=template, on_get=_answer)
        ours.add_route(template, resource, _asgi=True)
        falcons.add_route(template, resource, _asgi=True)
    return ours, falcons


OURS, FALCONS = _both()


def _same(path: str) -> None:
    ours, falcons = OURS.find(path), FALCONS.find(path)
    assert (ours is None) == (falcons is None), path
    if ours is not None and falcons is not None:
        assert ours[0] is falcons[0]
        assert ours[2:] == falcons[2:]
        assert ours[1].keys() == falcons[1].keys()


def test_each_template_is_found_as_falcon_finds_it() -> None:
    for template in TEMPLATES:
        _same(template)
        _same(template.replace("{", "").replace("}", ""))


@given(st.lists(st.sampled_from(SEGMENTS), max_size=7).map(lambda parts: "/" + "/".join(parts)))
def test_any_path_is_found_as_falcon_finds_it(path: str) -> None:
    _same(path)


@given(st.sampled_from(TEMPLATES), st.integers(0, 7), st.sampled_from(SEGMENTS))
def test_a_path_that_is_nearly_right_is_found_as_falcon_finds_it(
    template: str, at: int, segment: str
) -> None:
    parts = template.split("/")
    parts[at % len(parts)] = segment
    _same("/".join(parts))


async def test_every_method_that_a_route_lacks_is_refused() -> None:
    found = OURS.find(TEMPLATES[0])
    assert found is not None
    responders = found[1]
    assert responders["GET"] is _answer
    assert set(responders) >= set(COMBINED_METHODS) - {"WEBSOCKET"}
    for verb in {*VERBS} - {"GET", "HEAD", "OPTIONS"}:
        try:
            await responders[verb](SimpleNamespace(), SimpleNamespace())
        except HTTPMethodNotAllowed:
            continue
        raise AssertionError(f"{verb} is not refused")
