"""What outlives the process, in SQLite: a change is on disk before it is answered, so a killed sandbox loses none.

Rows of cells are records of their own, found changed by identity: a one-cell edit writes one record.
"""

import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import orjson

from sandbox.accounts import Account, Consent
from sandbox.drive import File, Loss
from sandbox.records import (
    decode_file,
    decode_loss,
    decode_row,
    decode_sheet,
    encode_file,
    encode_loss,
    encode_row,
    encode_sheet,
)
from sandbox.workbook.sheet import BLANK, Row, Sheet

_LOSS = "loss"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (file_id TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sheets (
    file_id TEXT NOT NULL, sheet_id INTEGER NOT NULL, record BLOB NOT NULL, row_order BLOB NOT NULL,
    PRIMARY KEY (file_id, sheet_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    file_id TEXT NOT NULL, sheet_id INTEGER NOT NULL, uid INTEGER NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (file_id, sheet_id, uid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (email TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (kind TEXT NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (kind, name)) WITHOUT ROWID;
"""


class SqliteStore:
    """One database file; `path` None keeps it in memory. Used from one thread."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        # NORMAL in WAL mode survives a killed process; only a power cut may lose the last changes.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def save(self, old: File | None, new: File, loss: Loss | None) -> None:
        """Writes what differs between the two states, in one transaction."""
        with self._transaction():
            self._db.execute("REPLACE INTO files VALUES (?, ?)", (new.file_id, encode_file(new)))
            before = {sheet.sheet_id: sheet for sheet in old.spreadsheet.sheets} if old else {}
            for sheet in new.spreadsheet.sheets:
                self._save_sheet(new.file_id, before.pop(sheet.sheet_id, None), sheet)
            for sheet_id in before:
                self._db.execute("DELETE FROM sheets WHERE file_id = ? AND sheet_id = ?", (new.file_id, sheet_id))
                self._db.execute("DELETE FROM rows WHERE file_id = ? AND sheet_id = ?", (new.file_id, sheet_id))
            if loss is not None:
                self._save_loss(loss)

    def forget(self, file: File, loss: Loss) -> None:
        """Deletes a file with all that it holds."""
        with self._transaction():
            for table in ("files", "sheets", "rows"):
                self._db.execute(f"DELETE FROM {table} WHERE file_id = ?", (file.file_id,))  # noqa: S608 - fixed names
            self._save_loss(loss)

    def load_files(self) -> dict[str, File]:
        """Every file as it was saved last."""
        return {
            file_id: decode_file(file_id, record, self._load_sheets(file_id))
            for file_id, record in self._db.execute("SELECT file_id, record FROM files")
        }

    def load_losses(self) -> list[Loss]:
        return [decode_loss(record) for record in self.load_items(_LOSS).values()]

    def save_account(self, account: Account) -> None:
        self._db.execute("REPLACE INTO accounts VALUES (?, ?)", (account.email, orjson.dumps(asdict(account))))

    def load_accounts(self) -> dict[str, Account]:
        records = self._db.execute("SELECT email, record FROM accounts")
        return {email: Account(**orjson.loads(record)) for email, record in records}

    def save_consent(self, consent: Consent) -> None:
        self.save_item("consent", consent.refresh_token, orjson.dumps(asdict(consent)))

    def load_consents(self) -> dict[str, Consent]:
        read = {name: orjson.loads(record) for name, record in self.load_items("consent").items()}
        return {name: Consent(**{**fields, "scopes": tuple(fields["scopes"])}) for name, fields in read.items()}

    def save_item(self, kind: str, name: str, record: bytes) -> None:
        """Keeps one named record of a kind (`feed`, `trigger`, `script` …)."""
        self._db.execute("REPLACE INTO items VALUES (?, ?, ?)", (kind, name, record))

    def load_item(self, kind: str, name: str) -> bytes | None:
        row = self._db.execute("SELECT record FROM items WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return None if row is None else bytes(row[0])

    def load_items(self, kind: str) -> dict[str, bytes]:
        rows = self._db.execute("SELECT name, record FROM items WHERE kind = ? ORDER BY name", (kind,))
        return {name: bytes(record) for name, record in rows}

    def delete_item(self, kind: str, name: str) -> None:
        self._db.execute("DELETE FROM items WHERE kind = ? AND name = ?", (kind, name))

    def delete_items(self, kind: str) -> None:
        self._db.execute("DELETE FROM items WHERE kind = ?", (kind,))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def _save_loss(self, loss: Loss) -> None:
        self.save_item(_LOSS, f"{loss.change:020d}", encode_loss(loss))

    def _save_sheet(self, file_id: str, old: Sheet | None, new: Sheet) -> None:
        if old is None:
            # A fresh import under a known id must leave nothing of what was there.
            self._db.execute("DELETE FROM rows WHERE file_id = ? AND sheet_id = ?", (file_id, new.sheet_id))
        changed, gone = _difference(old.rows if old else [], new.rows)
        self._db.executemany(
            "REPLACE INTO rows VALUES (?, ?, ?, ?)",
            ((file_id, new.sheet_id, row.uid, encode_row(row)) for row in changed),
        )
        self._db.executemany(
            "DELETE FROM rows WHERE file_id = ? AND sheet_id = ? AND uid = ?",
            ((file_id, new.sheet_id, uid) for uid in gone),
        )
        order = _order(new.rows)
        record = encode_sheet(new)
        if old is None or record != encode_sheet(old) or order != _order(old.rows):
            self._db.execute("REPLACE INTO sheets VALUES (?, ?, ?, ?)", (file_id, new.sheet_id, record, order))

    def _load_sheets(self, file_id: str) -> dict[int, Sheet]:
        sheets = {}
        query = "SELECT sheet_id, record, row_order FROM sheets WHERE file_id = ?"
        for sheet_id, record, order in self._db.execute(query, (file_id,)).fetchall():
            rows = {row.uid: row for row in self._load_rows(file_id, sheet_id)}
            uids = array("q", order)
            sheets[sheet_id] = decode_sheet(record, [rows[uid] if uid else BLANK for uid in uids])
        return sheets

    def _load_rows(self, file_id: str, sheet_id: int) -> Iterator[Row]:
        query = "SELECT uid, record FROM rows WHERE file_id = ? AND sheet_id = ?"
        for uid, record in self._db.execute(query, (file_id, sheet_id)):
            yield decode_row(uid, record)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _difference(old: list[Row], new: list[Row]) -> tuple[list[Row], set[int]]:
    """The rows to write, and the uids to delete. Rows that only moved are neither."""
    if len(old) == len(new) and all(a is b or a.uid == b.uid for a, b in zip(old, new, strict=True)):
        return [b for a, b in zip(old, new, strict=True) if a is not b], set()
    known = {row.uid: row for row in old}
    changed = [row for row in new if row.uid and known.get(row.uid) is not row]
    return changed, known.keys() - {row.uid for row in new} - {0}


def _order(rows: list[Row]) -> bytes:
    return array("q", (row.uid for row in rows)).tobytes()
