"""The local executor keeps the contract, without and with bubblewrap."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.executors.conftest import LocalHouse
from tests.executors.contract import ExecutorContract


class TestPlain(ExecutorContract):
    @pytest.fixture
    def house(self, make_house: Callable[..., LocalHouse]) -> LocalHouse:
        return make_house("none")


class TestBubblewrap(ExecutorContract):
    variables = ExecutorContract.variables | {"PWD"}

    @pytest.fixture
    def house(self, make_house: Callable[..., LocalHouse]) -> LocalHouse:
        return make_house("bubblewrap")
