"""Looking things up in a JSON Schema by the dotted paths that clauses use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def resolved(node: Schema, root: Schema) -> Schema:
    """The node with its `$ref` into the same document followed; members beside the reference win."""
    while "$ref" in node:
        target: Any = root
        for name in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target[name]
        node = {**target, **{name: value for name, value in node.items() if name != "$ref"}}
    return node


def find(root: Schema, path: str, loops: Mapping[str, str] | None = None) -> Schema | None:
    """The schema of what a path leads to, through arrays; None when the facts have no such thing.

    `loops` gives the list that each loop's item comes from.
    """
    first, _, rest = path.partition(".")
    if loops and first in loops:
        return find(root, loops[first] + (f".{rest}" if rest else ""), {k: v for k, v in loops.items() if k != first})
    node: Schema = resolved(root, root)
    for name in path.split("."):
        node = _through_arrays(node, root)
        properties = node.get("properties", {})
        if name not in properties:
            return None
        node = resolved(properties[name], root)
    return node


def _through_arrays(node: Schema, root: Schema) -> Schema:
    while "items" in node:
        node = resolved(node["items"], root)
    return node


def unlooped(path: str, loops: Mapping[str, str]) -> str:
    """The path in the facts: the name of a loop's item stands for the list in `loops` that it comes from."""
    first, _, rest = path.partition(".")
    return ".".join(part for part in (loops.get(first, first), rest) if part)


def choices(node: Schema, root: Schema) -> tuple[Any, ...]:
    """The values that an enumeration allows, of the items for an array; none for anything else."""
    return tuple(_through_arrays(node, root).get("enum", ()))


def required_paths(root: Schema) -> Iterator[str]:
    """Every fact that has to be given, by its path: `party.name`, `evidence.pages`; a pair in two languages is one."""
    yield from _required(resolved(root, root), root, "")


def _required(node: Schema, root: Schema, prefix: str) -> Iterator[str]:
    inner = _through_arrays(node, root)
    names = inner.get("required", ())
    if set(inner.get("properties", ())) == {"zh", "en"} or not names:
        if prefix:
            yield prefix
        return
    for name in names:
        child = resolved(inner["properties"][name], root)
        yield from _required(child, root, f"{prefix}.{name}" if prefix else name)


def used_definitions(root: Schema) -> dict[str, Any]:
    """The definitions that the schema refers to, itself or by way of another definition."""
    definitions: Mapping[str, Any] = root.get("$defs", {})
    found: dict[str, Any] = {}
    pending = [name for member, node in root.items() if member != "$defs" for name in _references(node)]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = definitions[name]
            pending += _references(definitions[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, Mapping):
        for member, value in node.items():
            if member == "$ref" and isinstance(value, str):
                yield value.removeprefix("#/$defs/").partition("/")[0]
            else:
                yield from _references(value)


def every_node(root: Schema) -> Iterator[tuple[str, Schema]]:
    """Every described place of a schema, its own definitions included, with a JSON pointer."""
    yield from _nodes(root, "")


def _nodes(node: Schema, pointer: str) -> Iterator[tuple[str, Schema]]:
    for member in ("properties", "$defs"):
        for name, child in node.get(member, {}).items():
            if isinstance(child, Mapping):
                yield f"{pointer}/{member}/{name}", child
                yield from _nodes(child, f"{pointer}/{member}/{name}")
    if isinstance(node.get("items"), Mapping):
        yield f"{pointer}/items", node["items"]
        yield from _nodes(node["items"], f"{pointer}/items")


def optional_paths(root: Schema, facts: Mapping[str, Any]) -> Iterator[str]:
    """The members of these facts that might as well be absent, outside of lists."""
    yield from _optional(resolved(root, root), root, facts, "")


def _optional(node: Schema, root: Schema, facts: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in facts.items():
        if name not in node.get("required", ()):
            yield f"{prefix}{name}"
        child = resolved(node.get("properties", {}).get(name, {}), root)
        if isinstance(value, Mapping):
            yield from _optional(child, root, value, f"{prefix}{name}.")


def without(facts: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A copy of the facts that lacks one member."""
    first, _, rest = path.partition(".")
    if not rest:
        return {name: value for name, value in facts.items() if name != first}
    return {**facts, first: without(facts[first], rest)}
