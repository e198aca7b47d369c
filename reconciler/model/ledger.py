"""What is to be committed to the ledger branch, as values between the one who writes it and git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerCommit:
    """One commit: its message, its date in seconds since 1970, and the files it writes, by path."""

    message: str
    when: int
    files: Mapping[str, bytes]
