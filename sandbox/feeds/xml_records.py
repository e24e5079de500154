"""An XML document's records: the elements of one name beneath one element."""

from collections.abc import Sequence
from copy import deepcopy

from lxml import etree

from sandbox.feeds.unreadable import Unreadable

Element = etree._Element  # noqa: SLF001 - lxml has no other name for the type


class XmlRecords:
    """A key is an attribute (`@name`) or a child of the record. Implements `sandbox.feeds.records.Records`."""

    def __init__(self, body: bytes, key: str | None) -> None:
        self._root = _load(body)
        self._list = _find(self._root)
        self._key = key or _guess(self._records[0] if self._records else None)

    def all_keys(self) -> Sequence[str]:
        return [self._key_of(record) for record in self._records]

    def parse(self, body: bytes) -> tuple[Sequence[tuple[str, object]], bool]:
        root = _load(body)
        single = root.tag == self._records[0].tag if self._records else root.tag != self._list.tag
        records = [root] if single else _children(root)
        return [(self._key_of(record), record) for record in records], not single

    def parse_one(self, body: bytes) -> object:
        return _load(body)

    def put(self, key: str, record: object) -> None:
        assert isinstance(record, Element)
        whole = deepcopy(record)
        if _read(whole, self._key) is None:
            _write(whole, self._key, key)
        if self._key_of(whole) != key:
            raise Unreadable(f"The record's key is not {key!r}, as the path says.")
        old = self._find(key)
        if old is None:
            self._list.append(whole)
        else:
            whole.tail = old.tail
            self._list.replace(old, whole)
        etree.indent(self._root)

    def patch(self, key: str, record: object) -> None:
        assert isinstance(record, Element)
        old = self._find(key)
        assert old is not None
        for name, value in record.attrib.items():
            old.set(name, value)
        for child in _children(record):
            mine = old.find(child.tag)
            if mine is None:
                old.append(deepcopy(child))
            else:
                old.replace(mine, deepcopy(child))
        etree.indent(self._root)

    def remove(self, key: str) -> None:
        old = self._find(key)
        assert old is not None
        self._list.remove(old)
        etree.indent(self._root)

    def render_one(self, key: str) -> bytes:
        record = self._find(key)
        assert record is not None
        return _dump(record)

    def render(self) -> bytes:
        return _dump(self._root)

    def render_page(self, start: int, size: int, next_url: str | None, cursor: str | None) -> bytes:
        root = deepcopy(self._root)
        records = _find(root)
        for record in [*_children(records)[:start], *_children(records)[start + size :]]:
            records.remove(record)
        for name, value in (("next", next_url), ("cursor", cursor)):
            if value is not None:
                root.set(name, value)
        return _dump(root)

    @property
    def _records(self) -> Sequence[Element]:
        return _children(self._list)

    def _find(self, key: str) -> Element | None:
        return next((record for record in self._records if _read(record, self._key) == key), None)

    def _key_of(self, record: Element) -> str:
        value = _read(record, self._key)
        if not value:
            raise Unreadable(f'A record has no "{self._key}", which is its key.')
        return value


def _load(body: bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"This is not XML: {error}") from error


def _dump(element: Element) -> bytes:
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8", pretty_print=True, with_tail=False)


def _children(element: Element) -> Sequence[Element]:
    return list(element.iterchildren("*"))


def _find(root: Element) -> Element:
    """The element that has the most children of one name, if several; else the root."""
    best, most = root, 1
    for element in root.iter("*"):
        children = _children(element)
        if len(children) > most and len({child.tag for child in children}) == 1:
            best, most = element, len(children)
    return best


def _guess(record: Element | None) -> str:
    if record is None:
        return "id"
    names = [*(f"@{name}" for name in map(str, record.attrib)), *(str(child.tag) for child in _children(record))]
    return next((name for name in names if name.lstrip("@") == "id"), names[0] if names else "id")


def _read(record: Element, key: str) -> str | None:
    return record.get(key[1:]) if key.startswith("@") else record.findtext(key)


def _write(record: Element, key: str, value: str) -> None:
    if key.startswith("@"):
        record.set(key[1:], value)
    else:
        child = etree.Element(key)
        child.text = value
        record.insert(0, child)
