"""How fast each token may begin operations on this process: a bucket of tokens' own for each. Pure."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from db.errors import RateLimited
from schema.access import Principal

WORTH_S: Final = 10.0
"""So many seconds' worth of operations may begin at once."""


class TokenRates:
    """`take` one for each operation. `per_second` 0: there is no limit."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._full_at: OrderedDict[int, float] = OrderedDict()

    def take(self, principal: Principal) -> None:
        """RateLimited where the principal's token has begun too many. Who has no token has no limit."""
        if principal.token is None or not self._per_second:
            return
        now = self._clock()
        full_at = max(now, self._full_at.get(principal.token, now)) + 1 / self._per_second
        if full_at - now > WORTH_S:
            raise RateLimited(
                f"The token {principal.name} begins more than {self._per_second:g} operations a second: wait a moment.",
                after_s=full_at - now - WORTH_S,
            )
        self._full_at[principal.token] = full_at
        self._full_at.move_to_end(principal.token)
        # Whose bucket is full again needs none.
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
