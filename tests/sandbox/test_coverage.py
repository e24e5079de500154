"""What the sandbox covers is what Google has, and what the docs say."""

from pathlib import Path

from sandbox import demo
from sandbox.google.batch import LACKING
from sandbox.google.spreadsheets import HANDLERS
from tests.sandbox.discovery import sheets

DOCS = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_kind_of_google_is_done_or_said_to_be_lacking() -> None:
    known = set(sheets().definitions["Request"]["properties"])
    assert known == HANDLERS.keys() | LACKING
    assert not HANDLERS.keys() & LACKING


def test_the_docs_name_what_is_covered() -> None:
    assert [kind for kind in HANDLERS if kind not in DOCS] == []
    assert demo.SPREADSHEET_ID in DOCS


def test_every_control_call_is_documented() -> None:
    for path in (
        "faults",
        "requests",
        "edit",
        "quota",
        "feeds/{name}",
        "accounts",
        "revoke",
        "triggers",
        "scripts",
        "reset",
    ):
        assert f"/_sandbox/{path}" in DOCS
