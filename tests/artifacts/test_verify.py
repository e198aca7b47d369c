"""What was recorded of some bytes is compared whole, or at least with enough of it."""

from __future__ import annotations

import pytest

from reconciler.artifacts.stream import verify
from reconciler.errors import ArtifactCorrupt
from tests.artifacts.streams import sha256

SUM = sha256(b"what the step said")


@pytest.mark.parametrize("recorded", [SUM, SUM[:16]])
def test_a_checksum_or_its_beginning_as_a_log_in_the_ledger_has_it_is_enough(recorded: str) -> None:
    verify("The log", (18, SUM), 18, recorded)


@pytest.mark.parametrize("recorded", ["", SUM[:15], "0" * 16, SUM[:16] + "x", SUM + "0"])
def test_less_or_another_one_is_not(recorded: str) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"^The log has sha256 .* was recorded\."):
        verify("The log", (18, SUM), 18, recorded)
