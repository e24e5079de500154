"""The records of an XML feed: read one by one where the path to them is plain. Hardened: no entities, no network.

A field that has several values has the first. Source of the parser's options: lxml's documentation, "Parsing", and
defusedxml's list of what XML documents do to their readers.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from lxml import etree

from db.sources import Column
from sync.feeds.paths import plain_field, plain_records
from sync.feeds.records import Body, FeedUnreadable, Record
from sync.source import Cell

SAFE: Final[Mapping[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}
Element = etree._Element  # noqa: SLF001 - lxml has no public name for the type of an element


class XmlRecords:
    """Implements `sync.feeds.records.RecordFormat`. `whole_limit`: bytes of a document that must be held whole."""

    content_type = "application/xml"

    def __init__(
        self, records: str, namespaces: Mapping[str, str], columns: Sequence[Column], whole_limit: int
    ) -> None:
        self._records = records
        self._namespaces = dict(namespaces)
        self._path = plain_records(records)
        self._whole_limit = whole_limit
        self._fields = {column.field: self._reader(column.field) for column in columns if column.field is not None}

    def records(self, body: Body) -> Iterator[tuple[str, Record]]:
        """As the protocol says."""
        found = self._whole(body) if self._path is None else self._stream(body, [self._tag(n) for n in self._path])
        for index, element in enumerate(found, 1):
            yield f"{self._records}[{index}]", element

    def cell(self, record: Record, column: Column) -> Cell:
        """As the protocol says."""
        assert column.field is not None
        assert isinstance(record, Element)
        try:
            found: Any = self._fields[column.field](record)
        except etree.XPathError as error:
            raise ValueError(f"`{column.field}` can't be applied to the record: {error}") from error
        if isinstance(found, list):
            if not found:
                return None
            found = found[0]
        if isinstance(found, Element):
            return _string(found)
        assert found is None or isinstance(found, str | float | bool)
        return found

    def has(self, record: Record, column: Column) -> bool:
        """As the protocol says."""
        return plain_field(column.field or "") is None or self.cell(record, column) is not None

    def _reader(self, field: str) -> Callable[[Element], Any]:
        """What evaluates a field. One step to an attribute or element needs no XPath, which takes longer."""
        steps = plain_field(field)
        if steps is None or len(steps) != 1:
            return etree.XPath(field, namespaces=self._namespaces, smart_strings=False)
        if steps[0].startswith("@"):
            attribute = self._tag(steps[0][1:])
            return lambda record: record.get(attribute)
        tag = self._tag(steps[0])
        return lambda record: next(record.iterchildren(tag), None)

    def follow(self, body: Body, path: str) -> str | None:
        """As the protocol says."""
        try:
            found = self._parse(body).xpath(path, namespaces=self._namespaces)
        except etree.XPathError as error:
            raise FeedUnreadable(f"`{path}` can't be applied to the feed ({error}): correct `pagination`.") from error
        first = found[0] if isinstance(found, list) and found else found
        if isinstance(first, Element):
            first = _string(first)
        return str(first).strip() or None if isinstance(first, str | float) else None

    def keep(self, record: Record) -> bytes:
        """As the protocol says."""
        assert isinstance(record, Element)
        return etree.tostring(record, with_tail=False)

    def changed(self, kept: bytes | None, cells: Mapping[Column, Cell], *, whole: bool) -> Record:
        """As the protocol says."""
        if kept is not None:
            element = etree.fromstring(kept, etree.XMLParser(**SAFE))
            if not whole:
                _refuse_empty(cells)
                element = etree.Element(element.tag, nsmap=self._namespaces)
        elif self._path is None:
            raise ValueError(f"New records need a plain path to the records, not `{self._records}`.")
        else:
            element = etree.Element(self._tag(self._path[-1]), nsmap=self._namespaces)
        for column, cell in cells.items():
            steps = plain_field(column.field or "")
            if steps is not None:
                self._put(element, steps, cell)
        return element

    def body(self, records: Sequence[Record], *, many: bool) -> bytes:
        """As the protocol says."""
        if not many:
            return _bytes(records[0])
        name = self._path[-2] if self._path is not None and len(self._path) > 1 else "records"
        root = etree.Element(self._tag(name), nsmap=self._namespaces)
        root.extend([copy.deepcopy(record) for record in records])  # type: ignore[misc]
        return _bytes(root)

    def _stream(self, body: Body, path: Sequence[str]) -> Iterator[Element]:
        body.stream.seek(0)
        found, checked = False, False
        try:
            context = etree.iterparse(
                body.stream, events=("start", "end"), tag=[path[0], path[-1]], encoding=body.charset, **SAFE
            )
            for event, element in context:
                if not checked:
                    _refuse_dtd(element.getroottree())
                    checked = True
                if event == "start" or not _stands_at(element, path):
                    continue
                found = True
                yield element
                _forget(element)
        except (etree.XMLSyntaxError, LookupError) as error:
            raise _unreadable(error) from error
        root = context.root
        if root is None or (not found and not _has_place(root, path[:-1])):
            raise FeedUnreadable(f"The feed has nothing at `{self._records}`: correct `feed.records`, or the feed.")

    def _whole(self, body: Body) -> Iterator[Element]:
        found = self._parse(body).xpath(self._records, namespaces=self._namespaces)
        if not isinstance(found, list) or not all(isinstance(one, Element) for one in found):
            raise FeedUnreadable(f"`{self._records}` leads to no elements: correct `feed.records`.")
        yield from found

    def _parse(self, body: Body) -> Any:
        body.stream.seek(0)
        text = body.stream.read(self._whole_limit + 1)
        if len(text) > self._whole_limit:
            raise FeedUnreadable(
                f"The feed is larger than {self._whole_limit:,} bytes, and its paths need it whole: use plain paths, "
                "or raise ROWCAST_FEED_WHOLE_BYTES."
            )
        try:
            root = etree.fromstring(text, etree.XMLParser(encoding=body.charset, **SAFE))
        except (etree.XMLSyntaxError, LookupError) as error:
            raise _unreadable(error) from error
        _refuse_dtd(root.getroottree())
        return root.getroottree()

    def _put(self, element: Element, steps: Sequence[str], cell: Cell) -> None:
        text = _text(cell)
        for step in steps:
            if step.startswith("@"):
                name = self._tag(step[1:])
                if text is not None:
                    element.set(name, text)
                elif name in element.attrib:
                    del element.attrib[name]
                return
            inner = element.find(self._tag(step))
            if inner is None:
                if text is None:
                    return
                inner = etree.SubElement(element, self._tag(step))
            element = inner
        parent = element.getparent()
        # What else it holds is another field's, or no column's: empty, it reads as NULL, but in columns of TEXT.
        if text is None and parent is not None and not element.attrib:
            parent.remove(element)
            return
        for child in list(element):
            element.remove(child)
        element.text = text

    def _tag(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        if not colon:
            return local
        namespace = self._namespaces.get(prefix)
        if namespace is None:
            raise FeedUnreadable(f"The prefix {prefix} is not among the source's `namespaces`: add it.")
        return f"{{{namespace}}}{local}"


def _refuse_empty(cells: Mapping[Column, Cell]) -> None:
    """ValueError where a request of the changed fields alone would have to empty one: left out, it stays as it was."""
    names = ", ".join(column.name for column, cell in cells.items() if cell is None)
    if names:
        raise ValueError(
            f"{names} is NULL, which PATCH can't say in XML, where an empty field is one that is left out; PUT can,"
            " with the whole record"
        )


def _string(element: Element) -> str:
    """The element's text with all that is in it, as XPath's string() has it."""
    if len(element) == 0:
        return element.text or ""
    return str(element.xpath("string()"))


def _stands_at(element: Element, path: Sequence[str]) -> bool:
    if element.tag != path[-1]:
        return False
    return [one.tag for one in element.iterancestors()] == list(reversed(path[:-1]))


def _has_place(root: Element, path: Sequence[str]) -> bool:
    """Whether the element that would hold the records is there."""
    if not path:
        return False
    if root.tag != path[0]:
        return False
    here = [root]
    for tag in path[1:]:
        here = [child for element in here for child in element.findall(tag)]
    return bool(here)


def _forget(element: Element) -> None:
    """Take a record that was dealt with out of the tree, with the ones before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _refuse_dtd(tree: Any) -> None:
    if tree.docinfo.internalDTD is not None:
        raise FeedUnreadable(
            "The feed has a document type declaration of its own, which may define entities: rowcast reads none."
        )


def _text(cell: Cell) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if cell.is_integer() else repr(cell)


def _bytes(element: Any) -> bytes:
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8", with_tail=False)


def _unreadable(error: Exception) -> FeedUnreadable:
    return FeedUnreadable(f"The feed is not XML ({str(error)[:200]}): correct it, or its `format`.")
