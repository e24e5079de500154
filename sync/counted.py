"""Numbers of things as people write them. Pure."""


def counted(number: int, noun: str) -> str:
    """A number with its noun, which takes an s for more than one.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
