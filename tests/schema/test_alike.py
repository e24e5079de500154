"""What one subscriber found to be nothing to it is nothing to those who want the same, and to nobody else."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from db.changes import Cause, Change, Operation, Transaction
from db.position import Position
from schema import subscriber
from schema.alike import _MOST, Alike
from schema.filter_predicate import unfit
from schema.filters import And
from tests.schema.ground import Ground
from tests.schema.test_changes import rows


def slice_() -> Transaction:
    change = Change(Position(1, 2, 3), "public.t", Operation.INSERT, '["1"]', None, None, {"id": 1})
    return Transaction(1, datetime.now(UTC), Cause.SQL, None, (change,), True)


def test_the_same_are_alike_and_others_are_not() -> None:
    transaction = slice_()
    Alike(1, And(()), None).passes(transaction)
    assert Alike(1, And(()), None).passed(transaction)
    for other in (Alike(2, And(()), None), Alike(1, And((And(()),)), None), Alike(1, And(()), frozenset({"INSERT"}))):
        assert not other.passed(transaction)
    assert not Alike(1, And(()), None).passed(slice_())


def test_few_kinds_are_remembered() -> None:
    transaction = slice_()
    for number in range(2 * _MOST):
        for _ in range(2):
            Alike(number).passes(transaction)
    assert [Alike(number).passed(transaction) for number in range(2 * _MOST)] == [True] * _MOST + [False] * _MOST


CHANGES = """subscription($where: RowFilter, $after: Cursor) {
  changes(source: "customers", where: $where, after: $after) {
    cursor upToDate reset changes { operation key row }
  }
}"""


async def test_those_who_want_the_same_are_sent_it_and_look_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def looking(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        return unfit(*given)

    monkeypatch.setattr(subscriber, "unfit", looking)
    as_of = (await ground.run('{ rows(source: "customers") { asOf } }'))["asOf"]
    for number in range(30):
        await ground.sql(f"INSERT INTO customers VALUES ({number}, 'n', {number % 5})")
        if number % 7 == 0:
            await ground.sql(f"UPDATE customers SET age = 1 - age WHERE id = {number} AND age < 2")
    expected = {row["id"] for row in (await rows(ground)).values() if row["age"] == 1}
    clients = 10

    async def follow() -> set[int]:
        async with ground.subscribe(CHANGES, {"where": {"column": "age", "eq": 1}, "after": as_of}) as stream:
            batches = await stream.until_up_to_date()
        found: set[int] = set()
        for change in (change for batch in batches for change in batch["changes"]):
            (found.discard if change["operation"] == "DELETE" else found.add)(change["key"]["id"])
        return found

    assert await asyncio.gather(*(follow() for _ in range(clients))) == [expected] * clients
    # Each would have looked at every commit.
    assert looks < clients * 30
