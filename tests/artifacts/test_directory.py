"""The directory store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.artifacts.contract import Place, StoreContract


class TestDirectoryStore(StoreContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return str(tmp_path / "store"), None
