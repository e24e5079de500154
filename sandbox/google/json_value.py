"""What a JSON text is in Python."""

import orjson

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"] | orjson.Fragment
"""A fragment is text that is JSON already: only in answers, and nothing looks into it any more."""
JsonObject = dict[str, Json]
