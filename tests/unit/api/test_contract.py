"""What a client of version 1 sends today works for as long as there is a version 1.

`v1.openapi.json` is what was promised. A change that only adds to it is fine, and is pinned with
`UPDATE_CONTRACT=1`; one that takes something away, or asks for more, fails here.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.conftest import ClientMaker

PINNED = Path(__file__).with_name("v1.openapi.json")
METHODS = ("get", "put", "post", "patch", "delete")
BOUNDS = {"maximum": 1, "maxLength": 1, "maxItems": 1, "maxProperties": 1}
LOWER_BOUNDS = {"minimum": -1, "minLength": -1, "minItems": -1, "minProperties": -1}

Schema = Mapping[str, Any]


class Contract:
    """Compares what was promised with what is described now."""

    def __init__(self, promised: Schema, described: Schema) -> None:
        self._promised = promised
        self._described = described
        self._seen: set[tuple[str, str, bool]] = set()

    def breaches(self) -> Iterator[str]:
        """Yield what a client of the promised API would trip over."""
        for path, methods in self._promised["paths"].items():
            for method in METHODS:
                if method not in methods:
                    continue
                now = self._described["paths"].get(path, {}).get(method)
                where = f"{method.upper()} {path}"
                if now is None:
                    yield f"{where} is gone"
                    continue
                yield from self._parameters(where, methods[method], now)
                yield from self._bodies(where, methods[method], now)
                yield from self._answers(where, methods[method], now)

    def _parameters(self, where: str, before: Schema, now: Schema) -> Iterator[str]:
        known = {(each["in"], each["name"]): each for each in before.get("parameters", ())}
        found = {(each["in"], each["name"]): each for each in now.get("parameters", ())}
        for key, each in known.items():
            if key not in found:
                yield f"{where}: the parameter {key[1]} is gone"
            else:
                yield from self._narrower(f"{where} {key[1]}", each["schema"], found[key]["schema"])
        for key, each in found.items():
            if each.get("required") and not known.get(key, {}).get("required"):
                yield f"{where}: the parameter {key[1]} is needed now"

    def _bodies(self, where: str, before: Schema, now: Schema) -> Iterator[str]:
        if "requestBody" not in before:
            if now.get("requestBody", {}).get("required"):
                yield f"{where}: a body is needed now"
            return
        if now.get("requestBody", {}).get("required") and not before["requestBody"].get("required"):
            yield f"{where}: a body is needed now"
        for media_type, content in before["requestBody"]["content"].items():
            found = now.get("requestBody", {}).get("content", {}).get(media_type)
            if found is None:
                yield f"{where}: a body of {media_type} is not taken any more"
            else:
                yield from self._narrower(f"{where} body", content["schema"], found["schema"])

    def _answers(self, where: str, before: Schema, now: Schema) -> Iterator[str]:
        for status, answer in before["responses"].items():
            found = now["responses"].get(status)
            if found is None:
                yield f"{where}: {status} is not answered any more"
                continue
            for media_type, content in answer.get("content", {}).items():
                if media_type not in found.get("content", {}):
                    yield f"{where}: {status} is no {media_type} any more"
                elif "schema" in content:
                    later = found["content"][media_type]["schema"]
                    yield from self._poorer(f"{where} {status}", content["schema"], later)

    def _narrower(self, where: str, before: Schema, now: Schema) -> Iterator[str]:
        """Yield what may be sent no more."""
        before, now = self._resolved(before, self._promised), self._resolved(now, self._described)
        if not self._is_new(where, before, now):
            return
        for bounds, sign in ((BOUNDS, 1), (LOWER_BOUNDS, -1)):
            for name in bounds:
                if name in now and (name not in before or sign * now[name] < sign * before[name]):
                    yield f"{where}: {name} is {now[name]} now"
        if now.get("pattern") != before.get("pattern") and "pattern" in now:
            yield f"{where}: the pattern is {now['pattern']} now"
        if "enum" in now:
            for gone in set(map(str, before.get("enum", ()))) - set(map(str, now["enum"])):
                yield f"{where}: {gone} is not taken any more"
        yield from self._types(where, before, now)
        for name in set(now.get("required", ())) - set(before.get("required", ())):
            yield f"{where}: {name} is needed now"
        for name, schema in before.get("properties", {}).items():
            if name in now.get("properties", {}):
                yield from self._narrower(f"{where}.{name}", schema, now["properties"][name])
            elif now.get("additionalProperties") is False:
                yield f"{where}: there is no {name} any more"
        if isinstance(before.get("items"), dict) and isinstance(now.get("items"), dict):
            yield from self._narrower(f"{where}[]", before["items"], now["items"])

    def _poorer(self, where: str, before: Schema, now: Schema) -> Iterator[str]:
        """Yield what is answered no more, or otherwise."""
        before, now = self._resolved(before, self._promised), self._resolved(now, self._described)
        if not self._is_new(where, before, now):
            return
        yield from self._types(where, now, before)
        for name in set(before.get("required", ())) - set(now.get("required", ())):
            yield f"{where}: {name} may be missing now"
        for name, schema in before.get("properties", {}).items():
            if name not in now.get("properties", {}):
                yield f"{where}: {name} is gone"
            else:
                yield from self._poorer(f"{where}.{name}", schema, now["properties"][name])
        if isinstance(before.get("items"), dict) and isinstance(now.get("items"), dict):
            yield from self._poorer(f"{where}[]", before["items"], now["items"])

    def _types(self, where: str, wide: Schema, narrow: Schema) -> Iterator[str]:
        """Yield the types of `wide` that `narrow` does not have."""
        missing = _types_of(wide) - _types_of(narrow)
        if missing and _types_of(narrow):
            yield f"{where}: {', '.join(sorted(missing))} does not fit any more"

    def _resolved(self, schema: Schema, document: Schema) -> Schema:
        while True:
            several = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            elif len(several) == 1 and "$ref" in several[0]:
                schema = several[0]
            else:
                return schema

    def _is_new(self, where: str, before: Schema, now: Schema) -> bool:
        key = (where, str(before.get("title")), before is now)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def _types_of(schema: Schema) -> set[str]:
    kinds = {schema["type"]} if isinstance(schema.get("type"), str) else set()
    for each in schema.get("anyOf", ()):
        kinds |= {str(each.get("type", each.get("$ref", "?")))}
    return kinds


async def test_version_1_keeps_what_it_promised(client_of: ClientMaker) -> None:
    described = (await client_of().get("/openapi.json")).json()
    if os.environ.get("UPDATE_CONTRACT"):
        PINNED.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n")
    promised = json.loads(PINNED.read_text())
    assert list(Contract(promised, described).breaches()) == []
    assert promised == described, "nothing is broken: pin it with UPDATE_CONTRACT=1"


def _without(document: Any, *way: str) -> Any:
    changed = json.loads(json.dumps(document))
    place = changed
    for step in way[:-1]:
        place = place[step]
    del place[way[-1]]
    return changed


def _with(document: Any, value: Any, *way: str) -> Any:
    changed = json.loads(json.dumps(document))
    place = changed
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return changed


SCHEMAS = ("components", "schemas")


@pytest.mark.parametrize(
    ("way", "value", "breach"),
    [
        (("paths", "/v1/sessions", "post"), None, "POST /v1/sessions is gone"),
        ((*SCHEMAS, "SessionRequest", "properties", "agent"), None, "there is no agent"),
        ((*SCHEMAS, "SessionRequest", "required"), ["agent"], "agent is needed now"),
        ((*SCHEMAS, "SayRequest", "properties", "text", "maxLength"), 10, "maxLength is 10"),
        ((*SCHEMAS, "SessionInvitation", "properties", "token"), None, "token is gone"),
        ((*SCHEMAS, "SessionInvitation", "required"), ["token"], "may be missing now"),
        ((*SCHEMAS, "TransportWish", "enum"), ["auto"], "webrtc is not taken any more"),
        ((*SCHEMAS, "SessionView", "properties", "legs", "type"), "string", "does not fit"),
        (("paths", "/v1/sessions", "post", "responses", "201"), None, "201 is not answered"),
    ],
)
def test_what_would_break_a_client_is_seen(way: tuple[str, ...], value: Any, breach: str) -> None:
    promised = json.loads(PINNED.read_text())
    changed = _without(promised, *way) if value is None else _with(promised, value, *way)
    assert any(breach in each for each in Contract(promised, changed).breaches())
