"""What is in this process' memory, and so in that of a server in a thread of it."""

import gc
from typing import TypeVar

T = TypeVar("T")


def objects_of(type_: type[T]) -> list[T]:
    """All of the type, those too that a server has taken from what Python's collector looks at."""
    gc.unfreeze()
    try:
        return [each for each in gc.get_objects() if issubclass(type(each), type_)]
    finally:
        gc.freeze()
