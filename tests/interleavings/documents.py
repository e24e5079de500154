"""A feed's document as records by column, and back: what JSON and XML have in common for whoever edits one.

`city` lies deeper in a record, and in XML `note` is an attribute.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Protocol

from lxml import etree

Record = dict[str, Any]
"""By column. A field that is left out, or null, has no value."""

_PLAIN: Final = ("id", "name", "qty")


class Document(Protocol):
    """`city` is the path of that column's field, `following` that of a page's link to the next one."""

    content_type: str
    city: str
    following: str

    def load(self, body: bytes) -> list[Record]: ...

    def dump(self, records: Sequence[Record]) -> bytes: ...


class JsonDocument:
    """`{"records": [{"id": 1, "name": "…", "address": {"city": "…"}, "qty": 1, "note": "…"}]}`"""

    content_type = "application/json"
    city = "address.city"
    following = "next"

    def load(self, body: bytes) -> list[Record]:
        return [
            {
                **{name: record.get(name) for name in (*_PLAIN, "note")},
                "city": (record.get("address") or {}).get("city"),
            }
            for record in json.loads(body)["records"]
        ]

    def dump(self, records: Sequence[Record]) -> bytes:
        return json.dumps({"records": [self._one(record) for record in records]}).encode()

    def _one(self, record: Record) -> Record:
        fields = {name: record[name] for name in (*_PLAIN, "note") if record.get(name) is not None}
        return fields if record.get("city") is None else {**fields, "address": {"city": record["city"]}}


class XmlDocument:
    """`<records><record note="…"><id>1</id><name>…</name><address><city>…</city></address><qty>1</qty></record></…>`"""

    content_type = "application/xml"
    city = "address/city"
    following = "/records/@next"

    def load(self, body: bytes) -> list[Record]:
        return [
            {
                **{name: record.findtext(name) for name in _PLAIN},
                "note": record.get("note"),
                "city": record.findtext("address/city"),
            }
            for record in etree.fromstring(body).iterchildren("record")
        ]

    def dump(self, records: Sequence[Record]) -> bytes:
        root = etree.Element("records")
        for record in records:
            element = etree.SubElement(root, "record")
            if record.get("note") is not None:
                element.set("note", record["note"])
            for name in _PLAIN:
                if record.get(name) is not None:
                    etree.SubElement(element, name).text = str(record[name])
            if record.get("city") is not None:
                etree.SubElement(etree.SubElement(element, "address"), "city").text = record["city"]
        return etree.tostring(root)
