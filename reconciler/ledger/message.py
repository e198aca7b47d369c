"""The commit message of a run: a subject for `git log --oneline`, a table for people, trailers for queries.

Git takes the last paragraph for trailers, so everything that came from outside stands on one line,
escaped by `plain.line`, and the table is indented: no field can forge a trailer or end the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from reconciler.ledger.moment import took
from reconciler.ledger.plain import line
from reconciler.ledger.record import duration
from reconciler.ledger.trailers import trailers
from reconciler.model.run import Phase

SUBJECT: Final = 72
ROWS: Final = 20

NOTE: Final = "  All of it, with every checksum in full, is in the run.json that this commit wrote."
"""Stands in every message. It takes no room but saves some: git keeps of a message what differs from another
one, but only where that is less than half of the whole."""

_note: Final = 60
_least_reason: Final = 12
_name: Final = re.compile(r"[a-z][a-z0-9-]*")
_failing: Final = (Phase.FAILED, Phase.CANCELLED)
_closing: Final = frozenset(
    {"close", "closes", "closed", "closing", "fix", "fixes", "fixed", "fixing"}
    | {"resolve", "resolves", "resolved", "resolving"}
    | {"implement", "implements", "implemented", "implementing"}
)


def render(record: Mapping[str, Any]) -> str:
    """The whole message, ending in a line end."""
    last = "\n".join(f"{key}: {value}" for key, value in trailers(record))
    parts = (subject(record), _table(record["steps"]), NOTE, last)
    return "\n\n".join(part for part in parts if part) + "\n"


def subject(record: Mapping[str, Any]) -> str:
    """`train #12: Failed in 4m12s (step check: ExitCode 1)`, of at most 72 characters.

    Hosts show `#12` as a link to their own issue 12, which is harmless; but `fixes #12` would close
    it, so a workflow of such a name is followed by the word "run" instead.
    """
    closes = record["workflow"].rpartition("-")[2] in _closing
    end = f"{' run ' if closes else ' #'}{record['number']}: {line(record['phase'], 20)}"
    if "duration" in record:
        end += f" in {took(record['duration'])}"
    start = _named(record["workflow"], SUBJECT - len(end)) + end
    room = SUBJECT - len(start) - len(" ()")
    why = line(_because(record), room) if room >= _least_reason else ""
    return f"{start} ({why})" if why else start


def _named(name: str, room: int) -> str:
    """Whatever is not a workflow's name is quoted, lest it look like `---` or `From ` to git."""
    return line(name, room) if _name.fullmatch(name) else f'"{line(name, room - 2)}"'


def _because(record: Mapping[str, Any]) -> str:
    """What a person wants to know first of a run that did not succeed."""
    failed = [
        (name, step)
        for name, step in record["steps"].items()
        if step["phase"] == Phase.FAILED and not step.get("continueOnFailure")
    ]
    if record["phase"] != Phase.FAILED or record.get("reason") not in (None, "StepFailed") or not failed:
        return str(record.get("reason", ""))
    name, step = failed[0]
    last = step.get("attempts", [])[-1:]
    code = next((attempt["exitCode"] for attempt in last if attempt.get("exitCode")), "")
    others = f", {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"step {name}: {step.get('reason', Phase.FAILED)} {code}".rstrip() + others


def _table(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a step; where there are too many, those that failed are shown first of all."""
    shown = _most_telling(steps)
    rows = [("step", "phase", "attempts", "took", "message")] if shown else []
    rows += [_row(name, steps[name]) for name in steps if name in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if len(steps) > len(shown):
        lines.append(f"  ... and {len(steps) - len(shown)} more")
    return "\n".join(lines)


def _most_telling(steps: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    failing = (name for name, step in steps.items() if step["phase"] in _failing)
    return frozenset(list(dict.fromkeys([*islice(failing, ROWS), *islice(steps, ROWS)]))[:ROWS])


def _row(name: str, step: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    note = ": ".join(part for part in (step.get("reason", ""), step.get("message", "")) if part)
    return (
        line(name, 63),
        line(step["phase"], 20),
        str(len(step.get("attempts", []))),
        took(duration(step)),
        line(note, _note),
    )
