"""Carries out what a feed's owner does."""

import asyncio

from tests.interleavings import feed_actions as act
from tests.interleavings.actions import Action, Column
from tests.interleavings.book import Book
from tests.interleavings.deeds import Done
from tests.interleavings.ledger import Ledger


class FeedDeeds:
    """`done_by` has them by action. Where the owner tells of edits, the hook is called after each."""

    def __init__(self, book: Book, ledger: Ledger, *, hooked: bool) -> None:
        self._book = book
        self._ledger = ledger
        edits: dict[type, Done] = {
            act.FeedEdit: lambda one: self._edit(one.row, one.column, ledger.value(one.column, "feed edit")),
            act.FeedEditBetween: self._edit_between,
            act.FeedMisfit: lambda one: self._edit(one.row, Column.QTY, ledger.text("misfit in the feed")),
            act.FeedAdd: lambda one: asyncio.to_thread(book.add, one.at, ledger.key(), ledger.text("feed record")),
            act.FeedRemove: lambda one: asyncio.to_thread(book.remove, one.row),
            act.FeedClear: lambda _: asyncio.to_thread(book.clear),
            act.FeedReverse: lambda _: asyncio.to_thread(book.reverse),
            act.FeedKeyChange: lambda one: asyncio.to_thread(book.edit, one.row, "id", ledger.key()),
        }
        self.done_by: dict[type, Done] = {
            **({kind: self._told(edit) for kind, edit in edits.items()} if hooked else edits),
            act.ForgedHook: lambda _: book.hook.forge(),
        }

    def _told(self, edit: Done) -> Done:
        async def edit_and_tell(action: Action) -> None:
            await edit(action)
            await self._book.hook.call()

        return edit_and_tell

    async def _edit(self, row: int, column: Column, value: int | str) -> None:
        if not await asyncio.to_thread(self._book.edit, row, column, value):
            self._ledger.forget([value])

    async def _edit_between(self, action: act.FeedEditBetween) -> None:
        value = self._ledger.value(action.column, "feed edit")
        await asyncio.to_thread(self._book.edit_between, action.row, action.column, value)
