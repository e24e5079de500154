"""How many examples hypothesis tries where each costs much: few in `make test`, ten times as many in `make soak`."""

import os

_TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))


def many(few: int) -> int:
    """`few`, times what `EXAMPLES_TIMES` says."""
    return few * _TIMES
