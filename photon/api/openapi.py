"""OpenAPI 3.1, made from the route table and the messages: `python -m photon.api.openapi`.

That command writes `openapi/v1.json`; a test holds the file to what is generated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from photon.api.principal import Role
from photon.api.route import API_VERSION, Gate, NoQuery, Route, Tag
from photon.api.schemas import Schemas
from photon.api.watching import EVENT_STREAM
from photon.wire.v1.basics import ApiError
from photon.wire.v1.task import Task

FILE: Final = Path(__file__).resolve().parents[2] / "openapi" / "v1.json"

Json = dict[str, Any]

# Each is one component that the routes refer to: its name, and what it says.
_ERRORS: Final = {
    400: "The request says something that cannot be, or that the state of things forbids.",
    401: "Nobody knows who asks.",
    403: "The system is paused, or whoever asks may not do this.",
    404: "What the path or the page link names is not there.",
    408: "The body came too slowly.",
    410: "What happened since that revision is no longer known; list again.",
    413: "The body is too large.",
    415: "The body is of another type than this route takes.",
    422: "The Idempotency-Key was used for another request.",
    429: "As much of this runs already as may: wait, and ask again.",
    500: "A bug; it was logged under the request's id.",
    503: "Too much is going on; try again in a moment.",
}
_REVISION: Final = "Photon-Revision"
_PATH_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key and body, a request is answered as the first "
    "time and nothing is done twice. Take a UUID.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_HEADERS: Final[Json] = {
    "REQUEST-ID": {"description": "Names this request in the log.", "schema": {"type": "string"}},
    "Photon-Revision": {
        "description": "The revision of the list: who watches from there on misses nothing.",
        "schema": {"type": "integer"},
    },
    "X-API-VERSION": {"schema": {"type": "string", "const": API_VERSION}},
}
_ERROR: Final[Json] = {"$ref": "#/components/schemas/ApiError"}
_UPLOAD: Final[Json] = {
    "type": "object",
    "description": "The fields come in this order.",
    "properties": {
        "ImageReplication": {"type": "string", "enum": ["EAGER", "ON_DEMAND"]},
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
    },
    "required": ["ImageReplication", "file"],
}


def document(routes: Sequence[Route]) -> Json:
    """The whole description."""
    schemas = Schemas(_messages(routes))
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Photon Controller",
            "version": API_VERSION,
            "description": "Everything that changes something answers with a task; a task ends "
            "COMPLETED or ERROR. Lists come in pages.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag.value} for tag in Tag],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {
                f"Error{status}": _answer(text, {"application/json": {"schema": _ERROR}})
                for status, text in _ERRORS.items()
            },
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
            "headers": _HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
        # Until identity is configured the cloud is open: a token is welcome, and not needed.
        "security": [{}, {"token": []}],
    }


def _messages(routes: Iterable[Route]) -> list[Any]:
    said: list[Any] = [ApiError]
    for route in routes:
        kinds = (route.answer, route.body, route.query, *(kind for _, kind in route.others))
        said += [kind for kind in kinds if kind is not None]
    return said


def _operation(route: Route, schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": route.operation_id,
        "tags": [route.tag.value],
        "summary": route.summary,
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
        "x-role": route.role.value,
    }
    description = inspect.getdoc(route.handler)
    if description:
        operation["description"] = description
    if route.role is Role.OPEN:
        operation["security"] = []
    if route.upload:
        form = route.options.get("form", _UPLOAD)
        operation["requestBody"] = _body("multipart/form-data", form, required=True)
    elif route.body is not None:
        schema = schemas.of(route.body)
        required = not route.body_optional
        operation["requestBody"] = _body("application/json", schema, required=required)
    return operation


def _body(media: str, schema: Json, *, required: bool) -> Json:
    return {"required": required, "content": {media: {"schema": schema}}}


def _parameters(route: Route, schemas: Schemas) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in schemas.members(route.query).items()
    ]
    if route.method == "POST":
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    return parameters


def _responses(route: Route, schemas: Schemas) -> Json:
    media = "application/octet-stream" if route.downloads else "application/json"
    content: Json = {} if route.downloads else {"schema": schemas.of(route.answer)}
    text = "A task." if route.answer is Task else "What was asked for."
    good = _answer(text, {media: content})
    if route.watches:
        good["content"][EVENT_STREAM] = {"schema": {"type": "string"}}
        good["headers"][_REVISION] = {"$ref": f"#/components/headers/{_REVISION}"}
    answers: Json = {str(route.status): good}
    for other, kind in route.others:
        body = {"application/json": {"schema": schemas.of(kind)}}
        answers[str(other)] = _answer("What would happen; nothing was done.", body)
    for status in error_statuses(route):
        answers[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    return answers


def _answer(text: str, content: Json) -> Json:
    headers = {
        name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS if name != _REVISION
    }
    return {"description": text, "headers": headers, "content": content}


def error_statuses(route: Route) -> list[int]:
    """Which errors a route may answer with."""
    statuses = {500, 503, *route.errors}
    if route.method != "GET" or route.query is not NoQuery:
        statuses.add(400)
    if route.gate is Gate.CHANGE:
        statuses.add(403)
    # A body may name things too: a host's zone, a VM's image.
    if "{" in route.path or route.body or "pageLink" in Schemas.member_names(route.query):
        statuses.add(404)
    if route.watches:
        statuses.add(410)
    if route.method != "GET":
        statuses |= {408, 413}
    if route.body is not None or route.upload:
        statuses.add(415)
    if route.method == "POST":
        statuses.add(422)
    return sorted(statuses)


def encoded(routes: Sequence[Route]) -> bytes:
    """The description as bytes, the same for the same routes."""
    return msgspec.json.format(msgspec.json.encode(document(routes)), indent=1) + b"\n"


def main() -> None:
    from photon.api.routes import ROUTES

    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(encoded(ROUTES))


if __name__ == "__main__":
    main()
