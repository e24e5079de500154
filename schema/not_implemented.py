"""The part of the contract that is not built yet: one list, which the resolvers ask and docs/api.md repeats.

A request for any of it is answered with NOT_IMPLEMENTED; nothing else is. Shrinks to nothing, then goes.
"""

from collections.abc import Mapping
from typing import NoReturn

from db.errors import NotImplementedYet

MISSING: Mapping[str, str] = {
    "Query.tokens": "There is no authentication yet, so the server listens on loopback only.",
    "Mutation.createToken": "There is no authentication yet, so the server listens on loopback only.",
    "Mutation.revokeToken": "There is no authentication yet, so the server listens on loopback only.",
}
"""What is missing, with what to do instead."""


def missing(part: str) -> NoReturn:
    """Refuse one of MISSING."""
    raise NotImplementedYet(f"{part.partition('.')[2]} is not implemented yet. {MISSING[part]}")
