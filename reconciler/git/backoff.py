"""How long to wait before another try, so that writers who met once do not meet again.

"Full jitter": any time between nothing and a bound that doubles. Pure; the caller brings the chance.
"""

from __future__ import annotations

FIRST, LONGEST = 0.1, 10.0


def delay(failures: int, chance: float, *, first: float = FIRST, longest: float = LONGEST) -> float:
    """Seconds to wait after `failures` tries; `chance` is from 0 up to 1."""
    return float(min(longest, first * 2 ** min(failures, 30)) * chance)
