"""What was made of texts that clients send again and again: of the last ones, as far as memory is bounded. Pure."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class OfTexts(Generic[T]):
    """Of texts that have so many characters together; a tenth of it at most is one text's."""

    def __init__(self, characters: int) -> None:
        self._most = characters
        self._left = characters
        self._made: OrderedDict[tuple[str, Hashable], T] = OrderedDict()

    def get(self, text: str, whose: Hashable, make: Callable[[], T]) -> T:
        """What was made of that text for the same `whose`, else what `make` makes, or raises."""
        key = text, whose
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        made = make()
        if len(text) * 10 <= self._most:
            self._made[key] = made
            self._left -= len(text)
            while self._left < 0:
                (oldest, _), _ = self._made.popitem(last=False)
                self._left += len(oldest)
        return made
