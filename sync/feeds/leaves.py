"""What a record has, and what a path reads of it: for the look at a feed that registration takes. Pure.

A JSON value is None, bool, int, Decimal, str, list or dict; an XML value is a text.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from lxml import etree

from sync.feeds.xml_records import Element

Value = Any
"""Of a record: a JSON value has no narrower type."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


class BadPath(ValueError):
    """No path that can be evaluated; the message says what is wrong with it."""


def json_leaves(record: Mapping[str, Value], way: tuple[str, ...] = ()) -> Iterator[tuple[str, Value]]:
    """The path and the value of each member; objects are entered, unless they are empty. `way`: the names to it."""
    return _json_leaves(way, record)


def xml_leaves(record: Element, prefixes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The path and the text of each attribute and element without elements in it; repeated ones are left out.

    `prefixes`: namespace to prefix. What is in another namespace can't be named, and is left out too.
    """
    return _xml_leaves("", record, prefixes)


def json_reader(path: str) -> Callable[[Value], Value]:
    """What reads a path of records. BadPath if it is no JMESPath."""
    try:
        expression = jmespath.compile(path)
    except (JMESPathError, ValueError) as error:
        raise BadPath(f"“{path}” is no JMESPath: {error}") from error

    def read(record: Value) -> Value:
        try:
            return expression.search(record)
        except JMESPathError:
            # A function that was given another type than it takes: of this record there is no such value.
            return None

    return read


def xml_reader(path: str, namespaces: Mapping[str, str]) -> Callable[[Element], str | None]:
    """What reads a path of records; `namespaces`: prefix to namespace. BadPath if it is no XPath."""
    try:
        expression = etree.XPath(path, namespaces=dict(namespaces), smart_strings=False)
        expression(etree.Element("record"))
    except etree.XPathError as error:
        raise BadPath(f"“{path}” is no XPath: {error}") from error
    return lambda record: _text(expression(record))


def _text(found: object) -> str | None:
    if isinstance(found, list):
        return _text(found[0]) if found else None
    if isinstance(found, Element):
        return "".join(str(part) for part in found.itertext())
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return str(found)


def _json_leaves(way: tuple[str, ...], record: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    for name, value in record.items():
        inner = (*way, name)
        if isinstance(value, dict) and value:
            yield from _json_leaves(inner, value)
        else:
            yield ".".join(map(quoted, inner)), value


def _xml_leaves(way: str, element: Element, prefixes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if (step := _step(str(name), prefixes)) is not None:
            yield f"{way}@{step}", str(value)
    children = list(element.iterchildren("*"))
    if not children:
        return
    tags = [str(child.tag) for child in children]
    repeated = {tag for tag, times in Counter(tags).items() if times > 1} if len(set(tags)) < len(tags) else ()
    for tag, child in zip(tags, children, strict=True):
        step = _step(tag, prefixes)
        if step is None or tag in repeated:
            continue
        if len(child) == 0 and not child.attrib:
            # As most are, and a large feed has millions of them.
            yield way + step, child.text or ""
            continue
        yield from _xml_leaves(f"{way}{step}/", child, prefixes)
        if next(child.iterchildren("*"), None) is None:
            yield way + step, _text(child) or ""


def _step(tag: str, prefixes: Mapping[str, str]) -> str | None:
    if not tag.startswith("{"):
        return tag
    namespace, _, local = tag[1:].rpartition("}")
    prefix = prefixes.get(namespace)
    return None if prefix is None else f"{prefix}:{local}"


def quoted(name: str) -> str:
    """A member's name as JMESPath has it."""
    return name if _IDENTIFIER.match(name) else json.dumps(name, ensure_ascii=False)
