"""How many examples a property is tried on: a fifth in `make test`, all of them in CI.

Every number stands in the tests as what CI tries; it is cut here and nowhere else. Each run of `make test`
draws other examples, and what failed once is tried again first.
"""

from __future__ import annotations

import os

from hypothesis import settings

ALL = os.environ.get("RECONCILER_EXAMPLES") == "all"
SHARE = 5
FEWEST = 5


def examples(number: int = 100) -> settings:
    """Settings for a property that CI tries `number` times; no time limit, as machines differ."""
    return settings(max_examples=number if ALL else max(FEWEST, number // SHARE), deadline=None)
