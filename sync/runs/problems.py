"""What is wrong with a source as it was read, as failures at their places. Pure."""

from db.failures import NewFailure
from db.keys import is_too_long
from db.sources import Side
from sync.source import Problem, Reading


def problem_failures(reading: Reading) -> list[NewFailure]:
    """One failure a place; they close by themselves when a reading no longer has them."""
    return list({failure.place: failure for failure in map(_failure, reading.problems)}.values())


def _failure(problem: Problem) -> NewFailure:
    value = problem.value
    if isinstance(value, str):
        # JSON in Postgres takes neither NUL nor half a surrogate pair.
        value = value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    key = None if problem.key is None or is_too_long(problem.key) else problem.key
    return NewFailure(Side.DATABASE, problem.code, problem.message, key, problem.column, problem.address, value)
