"""Carries out what a person does who mends: rollbacks, failures, conflicts, held deletes.

What a mutation refuses since the matter is settled meanwhile, or the source can't be reached, is none of the test's.
"""

from typing import Final

from tests.interleavings import actions as act
from tests.interleavings.deeds import Done
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Json, Sides

_HISTORY: Final = """query ($name: String!, $key: JSON) {
    history(source: $name, key: $key, first: 21) { nodes { cursor change { key } } } }"""
_ROLLBACK_ROW: Final = """mutation ($name: String!, $key: JSON!, $to: Cursor!) {
    rollbackRow(source: $name, key: $key, to: $to) { deleted } }"""
_ROLLBACK_SOURCE: Final = """mutation ($name: String!, $to: Cursor!) {
    rollbackSource(source: $name, to: $to) { deleted } }"""
_FAILURES: Final = "query ($name: String!) { failures(source: $name) { nodes { id } } }"
_RETRY: Final = "mutation ($id: ID!) { retryFailure(id: $id) { state } }"
_DISCARD: Final = "mutation ($id: ID!) { discardFailure(id: $id) { state } }"
_CONFLICTS: Final = "query ($name: String!) { conflicts(source: $name) { nodes { id column } } }"
_RESOLVE: Final = """mutation ($id: ID!, $choice: ConflictChoice!) {
    resolveConflict(id: $id, choice: $choice) { state } }"""
_RESOLVE_BY: Final = """mutation ($id: ID!, $choice: ConflictChoice!, $value: JSON) {
    resolveConflict(id: $id, choice: $choice, value: $value) { state } }"""


class Mending:
    """`done_by` has them by action."""

    def __init__(self, sides: Sides, ledger: Ledger) -> None:
        self._sides = sides
        self._ledger = ledger
        self.done_by: dict[type, Done] = {
            act.RollbackRow: self._rollback_row,
            act.RollbackSource: self._rollback_source,
            act.RetryFailure: lambda one: self._of_failure(_RETRY, one.nth),
            act.DiscardFailure: lambda one: self._of_failure(_DISCARD, one.nth),
            act.ResolveConflict: self._resolve,
            act.Confirm: lambda _: sides.let_go(),
        }

    async def _rollback_row(self, action: act.RollbackRow) -> None:
        if (entry := await self._entry(action.row)) is None:
            return
        key = entry["change"]["key"]
        if (back := await self._entry(action.back, key)) is not None:
            await self._sides.attempt(_ROLLBACK_ROW, key=key, to=back["cursor"])

    async def _rollback_source(self, action: act.RollbackSource) -> None:
        if (back := await self._entry(action.back)) is not None:
            await self._sides.attempt(_ROLLBACK_SOURCE, to=back["cursor"])

    async def _entry(self, nth: int, key: Json = None) -> Json:
        entries = (await self._sides.graphql(_HISTORY, key=key))["history"]["nodes"]
        return entries[nth % len(entries)] if entries else None

    async def _of_failure(self, mutation: str, nth: int) -> None:
        if found := (await self._sides.graphql(_FAILURES))["failures"]["nodes"]:
            await self._sides.attempt(mutation, id=found[nth % len(found)]["id"])

    async def _resolve(self, action: act.ResolveConflict) -> None:
        if not (found := (await self._sides.graphql(_CONFLICTS))["conflicts"]["nodes"]):
            return
        conflict = found[action.nth % len(found)]
        if action.choice is act.Choice.VALUE and conflict["column"] in list(act.Column):
            value = self._ledger.value(act.Column(conflict["column"]), "value of a conflict")
            done = await self._sides.attempt(_RESOLVE_BY, id=conflict["id"], choice="VALUE", value=value)
            if done is None:
                self._ledger.forget([value])
        elif action.choice is not act.Choice.VALUE:
            await self._sides.attempt(_RESOLVE, id=conflict["id"], choice=action.choice)
