"""Rows that can tell damage from truth.

SQLite notices a broken page, but not a changed letter in a good one, and a digest with one wrong letter
would run a workflow twice. So each row ends with a seal over its values, compared at every read.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from reconciler.errors import StateCorrupt
from reconciler.state.failures import REBUILD

Scalar = str | int | float | None
Row = tuple[Scalar, ...]


@dataclass(frozen=True)
class Table:
    """The columns of one table in the order of its rows, and those that identify a row."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @cached_property
    def selection(self) -> str:
        """What to SELECT so that `opened` can check and return it."""
        return ", ".join(f"{self.name}.{column}" for column in (*self.columns, "seal"))

    @cached_property
    def _insert(self) -> str:
        marks = ", ".join("?" * (len(self.columns) + 1))
        return f"INTO {self.name} ({', '.join(self.columns)}, seal) VALUES ({marks})"

    @cached_property
    def _upsert(self) -> str:
        changes = ", ".join(f"{c} = excluded.{c}" for c in (*self.columns, "seal") if c not in self.key)
        return f"INSERT {self._insert} ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changes}"

    def put(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Write `rows`, each in the place of the row with its key."""
        cursor.executemany(self._upsert, map(_sealed, rows))

    def add(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Write rows that cannot be there yet."""
        cursor.executemany("INSERT " + self._insert, map(_sealed, rows))

    def select(self, cursor: sqlite3.Cursor, where: str, values: Row = ()) -> Iterator[Row]:
        """The rows that `where` (and what may follow it, such as ORDER BY) chooses."""
        cursor.execute(f"SELECT {self.selection} FROM {self.name} WHERE {where}", values)
        return map(self._opened, cursor.fetchall())

    def _opened(self, row: Row) -> Row:
        values = row[:-1]
        if row[-1] != _seal(values):
            raise StateCorrupt(f"a row of {self.name} in the state database is damaged", hint=REBUILD)
        return values


def _seal(values: Row) -> int:
    return zlib.crc32("\x1f".join(map(str, values)).encode())


def _sealed(row: Row) -> Row:
    return (*row, _seal(row))
