"""URL templates of writes: `{column}` is the row's value, percent-encoded. Pure.

>>> expand("https://api.example.com/orders/{id}", {"id": "7/8 ü"})
'https://api.example.com/orders/7%2F8%20%C3%BC'
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

_PLACE = re.compile(r"\{([^{}]*)\}")


def placeholders(template: str) -> frozenset[str]:
    """The columns that a template names."""
    return frozenset(_PLACE.findall(template))


def expand(template: str, values: Mapping[str, str]) -> str:
    """The address for a row. ValueError where the row lacks a column that the template names, or leads elsewhere."""

    def value(match: re.Match[str]) -> str:
        if not values.get(match[1]):
            raise ValueError(f"it has no {match[1]}, which the address names")
        return quote(values[match[1]], safe="")

    url = _PLACE.sub(value, template)
    # Whoever receives these goes up in the path, to another record or to all of them.
    if not {".", ".."}.isdisjoint(urlsplit(url).path.split("/")):
        raise ValueError("its address would have a part that is only dots")
    return url
