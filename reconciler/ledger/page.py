"""A workflow's page: its latest run as Markdown that a forge shows with a picture of the DAG.

A function of the record alone, bounded whatever the size of the run. All foreign text passes through
`markdown` or `diagram`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from reconciler.ledger import shelf
from reconciler.ledger.diagram import graph
from reconciler.ledger.markdown import code, is_web, link, prose, table, word
from reconciler.ledger.moment import took
from reconciler.ledger.record import duration
from reconciler.ledger.trailers import written
from reconciler.model.run import Phase

STEPS: Final = 200
ROWS: Final = 100
PICTURES: Final = 12

_shell_safe: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_failing: Final = (Phase.FAILED, Phase.CANCELLED)


Made = tuple[str, Mapping[str, Any], str]
"""An artifact's name ("step/name"), its entry in the record, and its address or nothing."""


def render(record: Mapping[str, Any], place: str = "", branch: str = "runs") -> str:
    """The page; `place` is its directory in the ledger (default: the workflow's name)."""
    artifacts = [(name, artifact, shelf.link(record, artifact)) for name, artifact in shelf.made(record)]
    values = dict(_given(record))
    sections = [
        _head(record),
        _section("Steps", _picture(record["steps"]), _steps(record["steps"])),
        _section("Metrics", _values({name: value for name, value in values.items() if _is_number(value)})),
        _section(
            "Outputs", _values({name: value for name, value in values.items() if not _is_number(value)})
        ),
        _section("Pictures", *_pictures(artifacts)),
        _section("Artifacts", _artifacts(artifacts)),
        _section("Parameters", _values(record.get("parameters", {}))),
        _section("History", _history(place or record["workflow"], branch)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _section(title: str, *parts: str) -> str:
    body = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *body]) if body else ""


def _head(record: Mapping[str, Any]) -> str:
    """The answer first: what ran, how it ended, why."""
    reason = ": ".join(part for part in (record.get("reason", ""), record.get("message", "")) if part)
    trigger = " ".join(record["trigger"].values())
    rows = [
        (
            "Phase",
            f"**{word(record['phase'])}**"
            + (f" in {took(record['duration'])}" if "duration" in record else ""),
        ),
        ("Reason", prose(reason, 500)),
        ("Finished", _utc(record.get("finishedAt", ""))),
        ("Trigger", code(trigger)),
        ("Revision", code(record["revision"][:12])),
        ("Definition", code(record.get("path", ""))),
    ]
    title = f"# {word(record['workflow'])} #{record['number']}"
    first, *others = (row for row in rows if row[1])
    return title + "\n\n" + table(first, others)


def _utc(moment: str) -> str:
    return code(moment[:19].replace("T", " ") + " UTC") if moment else ""


def _picture(steps: Mapping[str, Any]) -> str:
    source = graph(steps)
    if source:
        return f"```mermaid\n{source}\n```"
    return f"The graph of {len(steps)} steps is too large to be drawn." if steps else ""


def _steps(steps: Mapping[str, Any]) -> str:
    if not steps:
        return ""
    failing = {name: step for name, step in steps.items() if step["phase"] in _failing}
    shown = dict(islice((failing | dict(steps)).items(), STEPS))
    rows = [
        (
            word(name),
            word(step["phase"]),
            str(len(step.get("attempts", []))),
            took(duration(step)),
            prose(": ".join(part for part in (step.get("reason", ""), step.get("message", "")) if part)),
        )
        for name, step in steps.items()
        if name in shown
    ]
    return _bounded(table(("Step", "Phase", "Attempts", "Took", "Message"), rows), len(steps) - len(shown))


def _values(values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = [(word(name), code(written(value))) for name, value in islice(values.items(), ROWS)]
    return _bounded(table(("Name", "Value"), rows), len(values) - len(rows))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _given(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The run's output values, then those of the steps as "step/name"."""
    yield from record.get("outputs", {}).get("parameters", {}).items()
    for step, entry in record["steps"].items():
        for attempt in entry.get("attempts", [])[-1:]:
            for name, value in attempt.get("outputs", {}).get("parameters", {}).items():
                yield f"{step}/{name}", value


def _artifacts(artifacts: Sequence[Made]) -> str:
    if not artifacts:
        return ""
    rows = [
        (link(word(name), address), _bytes(artifact["size"])) for name, artifact, address in artifacts[:ROWS]
    ]
    return _bounded(table(("Artifact", "Size"), rows), len(artifacts) - len(rows))


def _pictures(artifacts: Iterable[Made]) -> Iterator[str]:
    """Images on the web, by address: a page never embeds anything else."""
    images = (
        (name, address)
        for name, artifact, address in artifacts
        if artifact.get("contentType", "").startswith("image/") and is_web(address)
    )
    for name, address in islice(images, PICTURES):
        yield "!" + link(word(name), address)


def _bytes(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _history(place: str, branch: str) -> str:
    """Commands to copy; nothing in them that a shell could take for more than a name."""
    if not _shell_safe.fullmatch(place) or not _shell_safe.fullmatch(branch):
        return ""
    lines = [
        f"git log {branch} -- {place}",
        f"git log {branch} --grep '^Phase: Failed' -- {place}",
        f"git show {branch}:{place}/run.json",
    ]
    return "\n".join(["```sh", *lines, "```"])


def _bounded(shown: str, more: int) -> str:
    return f"{shown}\n\n... and {more} more, in [run.json](run.json)." if more > 0 else shown
