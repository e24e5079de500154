"""Carries out what a feed's owner does."""

import asyncio

from tests.interleavings import feed_actions as act
from tests.interleavings.actions import Column
from tests.interleavings.book import Book
from tests.interleavings.deeds import Done
from tests.interleavings.ledger import Ledger


class FeedDeeds:
    """`done_by` has them by action."""

    def __init__(self, book: Book, ledger: Ledger) -> None:
        self._book = book
        self._ledger = ledger
        self.done_by: dict[type, Done] = {
            act.FeedEdit: lambda one: self._edit(one.row, one.column, ledger.value(one.column, "feed edit")),
            act.FeedEditBetween: self._edit_between,
            act.FeedMisfit: lambda one: self._edit(one.row, Column.QTY, ledger.text("misfit in the feed")),
            act.FeedAdd: lambda one: asyncio.to_thread(book.add, one.at, ledger.key(), ledger.text("feed record")),
            act.FeedRemove: lambda one: asyncio.to_thread(book.remove, one.row),
            act.FeedClear: lambda _: asyncio.to_thread(book.clear),
            act.FeedReverse: lambda _: asyncio.to_thread(book.reverse),
            act.FeedKeyChange: lambda one: asyncio.to_thread(book.edit, one.row, "id", ledger.key()),
        }

    async def _edit(self, row: int, column: Column, value: int | str) -> None:
        if not await asyncio.to_thread(self._book.edit, row, column, value):
            self._ledger.forget([value])

    async def _edit_between(self, action: act.FeedEditBetween) -> None:
        value = self._ledger.value(action.column, "feed edit")
        await asyncio.to_thread(self._book.edit_between, action.row, action.column, value)
