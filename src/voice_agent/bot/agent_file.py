"""From the text of a YAML file to an `Agent`, or to problems that name file, line and field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.errors import AgentInvalidError

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 20
"""Nesting an agent never needs; far deeper nesting overflows the C parser's stack."""
MAX_NODES = 250_000
"""Values in a file once its aliases are followed: what stops a small file from becoming huge."""

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PATTERNS = {
    "id": "must be lower-case letters, digits, '-' and '_', at most 64, as in 'front-desk'",
    "language": "must be a language tag, as in 'en' or 'en-US'",
}
_SCHEMA = AGENT_ADAPTER.json_schema()


@dataclass(frozen=True)
class AgentProblem:
    """One thing that is wrong with an agent file; `str()` is a line for a person."""

    file: Path
    message: str
    line: int | None = None
    """Counted from 1."""
    field: str = ""
    """Dotted, as in `knowledge.3.answer`, entries counted from 1; empty for the whole file."""

    def __str__(self) -> str:
        """Return `file:line: field: message`."""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.field, self.message) if part)


class AgentFileError(AgentInvalidError):
    """A file does not describe an agent; `problems` lists everything that was found."""

    def __init__(self, problems: Sequence[AgentProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def read_agent_file(file: Path) -> Agent:
    """Return the agent in `file`.

    Raises:
        AgentFileError: It cannot be read or does not describe an agent.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AgentFileError([AgentProblem(file, f"cannot be read: {reason}")]) from error
    return parse_agent(content, file)


def parse_agent(content: bytes, file: Path) -> Agent:
    """Return the agent that `content`, the bytes of `file`, describes.

    Raises:
        AgentFileError: It does not describe an agent.
    """
    root = _compose(content, file)
    problems = list(_duplicate_keys(root, file))
    try:
        data = _construct(root)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise AgentFileError([_yaml_problem(error, file)]) from error
    if not isinstance(data, dict):
        raise AgentFileError([AgentProblem(file, "must be a list of 'field: value' lines", line=1)])
    try:
        agent = AGENT_ADAPTER.validate_python(data)
    except ValidationError as error:
        problems += [_field_problem(detail, root, file) for detail in error.errors()]
        raise AgentFileError(sorted(problems, key=lambda problem: problem.line or 0)) from error
    if problems:
        raise AgentFileError(problems)
    return agent


def _compose(content: bytes, file: Path) -> yaml.Node:
    """Return the document's node tree, with its size and its depth bounded."""
    if len(content) > MAX_FILE_BYTES:
        message = f"is larger than {MAX_FILE_BYTES // 1024} KiB; shorten its knowledge"
        raise AgentFileError([AgentProblem(file, message)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = AgentProblem(file, "is not UTF-8 text; save it as UTF-8", line=line)
        raise AgentFileError([problem]) from error
    try:
        _bound_depth(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise AgentFileError([_yaml_problem(error, file)]) from error
    if root is None:
        message = "is empty; 'voice-agent agents new' shows what belongs in it"
        raise AgentFileError([AgentProblem(file, message)])
    if _expanded_size(root, {}) > MAX_NODES:
        raise AgentFileError([AgentProblem(file, "grows too large when its aliases are followed")])
    return root


def _bound_depth(text: str, file: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else None
                message = f"is nested more than {MAX_DEPTH} levels deep"
                raise AgentFileError([AgentProblem(file, message, line=line)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _expanded_size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values `node` stands for, its aliases followed; a cycle is endless."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MAX_NODES + 1
    size = 1 + sum(_expanded_size(child, known) for child in _children(node))
    known[id(node)] = size
    return size


def _construct(root: yaml.Node) -> object:
    loader = _Loader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _duplicate_keys(root: yaml.Node, file: Path) -> Iterator[AgentProblem]:
    """Find fields that are given twice, of which YAML would silently drop the first."""
    pending, seen_nodes = [root], {id(root)}
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            seen_keys: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen_keys:
                    line = key.start_mark.line + 1
                    yield AgentProblem(file, "is given twice; keep one", line, key.value)
                seen_keys.add(key.value)
        for child in _children(node):
            if id(child) not in seen_nodes:
                seen_nodes.add(id(child))
                pending.append(child)


def _yaml_problem(error: Exception, file: Path) -> AgentProblem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "cannot be parsed"
        return AgentProblem(file, f"is not valid YAML: {reason}", mark.line + 1 if mark else None)
    return AgentProblem(file, f"is not valid YAML: {str(error).splitlines()[0]}")


def _field_problem(detail: ErrorDetails, root: yaml.Node, file: Path) -> AgentProblem:
    location = detail["loc"]
    if detail["type"] == "invalid_key":
        location = (*location[:-1], str(location[-1]))
    field = ".".join(str(part + 1 if isinstance(part, int) else part) for part in location)
    return AgentProblem(file, _explain(detail), _line_of(location, root), field)


def _explain(detail: ErrorDetails) -> str:
    kind, location = detail["type"], detail["loc"]
    if kind in {"unexpected_keyword_argument", "invalid_key"}:
        known = sorted(_fields_at(location[:-1]))
        near = get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the fields are {', '.join(known)}"
        return f"unknown field; {hint}"
    if kind == "missing":
        return "is missing; add it"
    if kind == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    if kind == "string_type" and not isinstance(detail["input"], dict | list | None):
        return f'must be text; put it in quotes: "{detail["input"]}"'
    if kind == "string_pattern_mismatch" and location[-1] in _PATTERNS:
        return _PATTERNS[str(location[-1])]
    if kind == "dataclass_type":
        return f"must be a group of fields: {', '.join(sorted(_fields_at(location)))}"
    message = str(detail["msg"])
    return message[:1].lower() + message[1:]


def _fields_at(location: Sequence[int | str]) -> Mapping[str, Any]:
    """Return the fields that an agent has at `location`, from the model's own schema."""
    schema: Mapping[str, Any] = _SCHEMA
    for part in location:
        schema = schema.get("items", {}) if isinstance(part, int) else _property(schema, part)
        if "$ref" in schema:
            schema = _SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    properties: Mapping[str, Any] = schema.get("properties", {})
    return properties


def _property(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("properties", {}).get(name, {})
    return found


def _line_of(location: Sequence[int | str], root: yaml.Node) -> int:
    """Return the line, counted from 1, of the value at `location` or of what would hold it."""
    node, line = root, root.start_mark.line
    for part in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
            continue
        entries = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next(((key, value) for key, value in entries if key.value == part), None)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1
