"""Rows that can tell damage from truth.

SQLite notices a broken page, but not a changed letter in a good one, and a digest with one wrong letter
would run a workflow twice. So each row ends with a seal over its values, compared at every read.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator

from reconciler.errors import StateCorrupt
from reconciler.state.failures import REBUILD

Scalar = str | int | float | None
Row = tuple[Scalar, ...]


class Table:
    """The columns of one table in the order of its rows, and those that identify a row."""

    def __init__(self, name: str, columns: tuple[str, ...], key: tuple[str, ...]) -> None:
        self.name = name
        whole = (*columns, "seal")
        self._text = "\x1f".join(["%s"] * len(columns))
        self._selection = ", ".join(f"{name}.{column}" for column in whole)
        self._insert = f"INSERT INTO {name} ({', '.join(whole)}) VALUES ({', '.join('?' * len(whole))})"
        changes = ", ".join(f"{column} = excluded.{column}" for column in whole if column not in key)
        self._upsert = f"{self._insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"

    def put(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Write `rows`, each in the place of the row with its key."""
        cursor.executemany(self._upsert, map(self._sealed, rows))

    def add(self, cursor: sqlite3.Cursor, rows: Iterable[Row]) -> None:
        """Write rows that cannot be there yet."""
        cursor.executemany(self._insert, map(self._sealed, rows))

    def select(self, cursor: sqlite3.Cursor, where: str, values: Row = ()) -> Iterator[Row]:
        """The rows that `where` (and what may follow it, such as ORDER BY) chooses."""
        cursor.execute(f"SELECT {self._selection} FROM {self.name} WHERE {where}", values)
        return map(self._opened, cursor.fetchall())

    def verify(self, cursor: sqlite3.Cursor) -> None:
        """Read every row, one at a time; raise StateCorrupt at the first damaged one."""
        for row in cursor.execute(f"SELECT {self._selection} FROM {self.name}"):
            self._opened(row)

    def _opened(self, row: Row) -> Row:
        values = row[:-1]
        if row[-1] != self._seal(values):
            raise StateCorrupt(f"a row of {self.name} in the state database is damaged", hint=REBUILD)
        return values

    def _sealed(self, row: Row) -> Row:
        return (*row, self._seal(row))

    def _seal(self, values: Row) -> int:
        return zlib.crc32((self._text % values).encode())
