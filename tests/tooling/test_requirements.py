"""What gets installed is pinned, hashed, and recorded without an index's address."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PIN = re.compile(r"^([a-z0-9-]+(?:\[[a-z,]+\])?)==\S+(?: ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def pins(name: str) -> dict[str, str]:
    lines = (CHECKOUT / name).read_text().splitlines()
    return {match[1]: line for line in lines if (match := PIN.match(line))}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"])
def test_every_line_is_a_pin_or_its_hash(name: str) -> None:
    lines = (CHECKOUT / name).read_text().splitlines()
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []
    assert len(pins(name)) > 1


def test_the_tests_run_on_what_is_shipped() -> None:
    development = pins("requirements-dev.txt")
    assert pins("requirements.txt").items() <= development.items()


@pytest.mark.parametrize(
    ("wanted", "pinned"),
    [
        ("requirements.in", "requirements.txt"),
        ("requirements-dev.in", "requirements-dev.txt"),
        ("requirements-node.in", "requirements-node.txt"),
    ],
)
def test_what_is_wanted_is_pinned(wanted: str, pinned: str) -> None:
    lines = (CHECKOUT / wanted).read_text().splitlines()
    names = [re.split(r"[\[<>=\s]", line)[0] for line in lines if re.match(r"[a-z]", line)]
    assert names
    assert set(names) <= pins(pinned).keys()
