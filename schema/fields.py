"""Strawberry's field decorator with its types kept: Strawberry declares what it returns as Any."""

from collections.abc import Callable
from typing import TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., object])


def resolver(description: str) -> Callable[[F], F]:
    """Make a method the resolver of a field of its name."""
    return cast("Callable[[F], F]", strawberry.field(description=description))


def subscription(description: str) -> Callable[[F], F]:
    """Make an async generator a subscription of its name."""
    return cast("Callable[[F], F]", strawberry.subscription(description=description))


def mutation(description: str) -> Callable[[F], F]:
    """Make a method a mutation of its name."""
    return cast("Callable[[F], F]", strawberry.mutation(description=description))
