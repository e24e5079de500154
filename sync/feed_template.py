"""URL templates of writes: `{column}` is the row's value, percent-encoded. Pure.

>>> expand("https://api.example.com/orders/{id}", {"id": "7/8 ü"})
'https://api.example.com/orders/7%2F8%20%C3%BC'
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PLACE = re.compile(r"\{([^{}]*)\}")


def placeholders(template: str) -> frozenset[str]:
    """The columns that a template names."""
    return frozenset(_PLACE.findall(template))


def expand(template: str, values: Mapping[str, str]) -> str:
    """The address for a row. KeyError where the row lacks a column that the template names."""
    return _PLACE.sub(lambda match: quote(values[match[1]], safe=""), template)
