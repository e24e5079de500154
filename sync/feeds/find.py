"""What a feed's document is when nobody said: its format, and where its list of records is. Reads it as a stream.

JSON: the outermost list of objects, of several at one depth the longest; a list of lists is none. XML: the outermost
elements that are there several times beneath one parent, of several at one depth the most; else the root's only child.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ijson
from lxml import etree

from db.feeds import FeedFormat
from sync.feeds.json_records import Watched, utf8_stream
from sync.feeds.leaves import quoted
from sync.feeds.records import Body, FeedUnreadable
from sync.feeds.xml_records import SAFE

_MARKS: Final = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
_DEFAULT_PREFIX: Final = "ns"


@dataclass(frozen=True, slots=True)
class Found:
    """Where the records are; `namespaces`: prefix to namespace, of the whole document."""

    records: str | None
    namespaces: Mapping[str, str]


def find_format(content_type: str, body: Body) -> FeedFormat:
    """By the content type, then by the first byte."""
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith(("/json", "+json")):
        return FeedFormat.JSON
    if media.endswith(("/xml", "+xml")):
        return FeedFormat.XML
    body.stream.seek(0)
    start = body.stream.read(256).lstrip(_MARKS)
    return FeedFormat.XML if start.startswith(b"<") else FeedFormat.JSON


def find_records(format_: FeedFormat, body: Body, namespaces: Mapping[str, str]) -> Found:
    """The records' path, None where there are none, and the prefixes that paths may use. FeedUnreadable."""
    if format_ is FeedFormat.JSON:
        return Found(_find_json(body), {})
    return _find_xml(body, namespaces)


def _find_json(body: Body) -> str | None:
    counts: Counter[tuple[str, ...]] = Counter()
    empty: list[tuple[str, ...]] = []
    names: list[str] = []
    arrays = 0
    event = ""
    try:
        for event, value in ijson.basic_parse(Watched(utf8_stream(body)), use_float=False):
            if event == "start_array":
                arrays += 1
                if arrays == 1:
                    empty.append(tuple(names))
            elif event == "end_array":
                arrays -= 1
            elif event == "start_map":
                if arrays == 1 and len(names) == len(empty[-1]):
                    counts[empty[-1]] += 1
                names.append("")
            elif event == "end_map":
                names.pop()
            elif event == "map_key":
                names[-1] = value
    except (ijson.JSONError, ValueError) as error:
        raise FeedUnreadable(f"The feed is not JSON ({str(error)[:200]}): correct it, or its `format`.") from error
    # A list that has no record today is one all the same, where there is no other.
    found = sorted(counts, key=lambda path: (len(path), -counts[path])) or sorted(empty, key=len)
    return None if not found else ".".join(map(quoted, found[0])) or "@"


def _find_xml(body: Body, given: Mapping[str, str]) -> Found:
    body.stream.seek(0)
    counts: Counter[tuple[str, ...]] = Counter()
    prefixes = {namespace: prefix for prefix, namespace in given.items()}
    path: list[str] = []
    context = etree.iterparse(body.stream, events=("start-ns", "start", "end"), encoding=body.charset, **SAFE)
    try:
        for event, found in context:
            if event == "start-ns":
                _name(prefixes, *found)
            elif event == "start" and isinstance(found.tag, str):
                path.append(found.tag)
                counts[tuple(path)] += 1
            elif event == "end" and isinstance(found.tag, str):
                path.pop()
                found.clear()
                # Emptied, each of a million would still be kept by its parent.
                parent = found.getparent()
                while parent is not None and (before := found.getprevious()) is not None:
                    parent.remove(before)
    except (etree.XMLSyntaxError, LookupError) as error:
        raise FeedUnreadable(f"The feed is not XML ({str(error)[:200]}): correct it, or its `format`.") from error
    namespaces = {prefix: namespace for namespace, prefix in prefixes.items()}
    records = _repeated(counts)
    return Found(None if records is None else _xpath(records, prefixes), namespaces)


def _repeated(counts: Counter[tuple[str, ...]]) -> tuple[str, ...] | None:
    several = [path for path, count in counts.items() if count > 1 and counts[path[:-1]] == 1]
    if several:
        return min(several, key=lambda path: (len(path), -counts[path]))
    children = [path for path in counts if len(path) == 2]
    return children[0] if len(children) == 1 else None


def _name(prefixes: dict[str, str], prefix: str, namespace: str) -> None:
    """A prefix for a namespace that has none: the document's own, or a number more."""
    if not namespace or namespace in prefixes:
        return
    wanted, number = prefix or _DEFAULT_PREFIX, 1
    while (name := wanted if number == 1 else f"{wanted}{number}") in prefixes.values():
        number += 1
    prefixes[namespace] = name


def _xpath(path: Sequence[str], prefixes: Mapping[str, str]) -> str:
    steps = []
    for tag in path:
        namespace, _, local = tag.removeprefix("{").rpartition("}")
        steps.append(f"{prefixes[namespace]}:{local}" if namespace else local)
    return "/" + "/".join(steps)
