"""Column names from headers: lower case, each run of other than a-z 0-9 an underscore. Pure.

>>> column_names(["Customer ID", "2nd name", "Name", "name", "address.city"])
['customer_id', 'c_2nd_name', 'name', 'name_2', 'address_city']
"""

import json
import re
from collections.abc import Collection, Sequence

MAX_NAME = 63
"""Postgres cuts longer identifiers."""

# A table can't have columns of these names.
_SYSTEM = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


def column_name(header: str) -> str:
    """The name of one header, not yet told apart from the others."""
    name = re.sub(r"[^a-z0-9]+", "_", header.lower()) or "_"
    return (f"c_{name}" if name[0].isdigit() else name)[:MAX_NAME]


def column_names(headers: Sequence[str], given: Collection[str] = ()) -> list[str]:
    """A name for each header, in order; a clash, with those `given` before too, gets _2, _3 and so on."""
    taken = {*_SYSTEM, *given}
    names = []
    for header in headers:
        plain = name = column_name(header)
        number = 1
        while name in taken:
            number += 1
            suffix = f"_{number}"
            name = plain[: MAX_NAME - len(suffix)] + suffix
        taken.add(name)
        names.append(name)
    return names


def name_problem(name: str) -> str | None:
    """Why no column can have that name."""
    size = len(name.encode("utf-8", "replace"))
    if size > MAX_NAME:
        return f'The column name "{name[:20]}…" has {size} bytes, and Postgres keeps {MAX_NAME}: choose a shorter one.'
    if not name or "\0" in name or name in _SYSTEM:
        return f"{json.dumps(name)} can't be a column's name in Postgres: choose another."
    return None
