"""The trailers of a run's commit: written, and read back from a message alone.

`%(trailers:key=Phase)` and `--grep '^Workflow: train$'` are the ledger's query language, so the keys
are a public contract (docs/ledger.md). Values hold one line, escaped by `plain.line`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from reconciler.ledger import shelf
from reconciler.ledger.moment import elapsed, read
from reconciler.ledger.plain import CUT, line, unline
from reconciler.model.run import Outputs, Phase, Run, Trigger, TriggerKind

LISTED: Final = 20
"""At most so many `Output` and so many `Artifact` lines."""

_identity: Final = 1000
_value: Final = 200
_link: Final = 1000
_trailer: Final = re.compile(r"([A-Za-z0-9-]+): (.+)")

_fields: Final = (
    ("Run-Id", "id"),
    ("Workflow", "workflow"),
    ("Run-Number", "number"),
    ("Revision", "revision"),
    ("Trigger", "trigger"),
    ("Phase", "phase"),
    ("Reason", "reason"),
    ("Started-At", "startedAt"),
)


def trailers(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys and values in their order; what holds nothing is left out."""
    flat = {**record, "trigger": " ".join(record["trigger"].values())}
    for key, field in _fields:
        if field in flat and flat[field] != "":
            yield key, line(str(flat[field]), _identity)
    yield "Digest", line(record["digest"][: len("sha256:") + shelf.SHORT], _identity)
    if "duration" in record:
        yield "Duration", f"{record['duration']:.3f}s"
    if "startedAt" not in record:
        yield "Created-At", line(record["createdAt"], _identity)
    counts = Counter(step["phase"] for step in record["steps"].values())
    if counts:
        yield "Steps", ", ".join(f"{counts[phase]} {phase}" for phase in Phase if counts[phase])
    yield from _outputs(record)
    yield from _artifacts(record)
    yield "Engine", line(record["engine"], _value)


def parse(message: str) -> Run | None:
    """The run that a commit message tells of; None when it is not the ledger's.

    Restores identity, trigger, phase, start, end and the output values that were not cut; the rest is in
    the record of the same commit.
    """
    found = _last_paragraph(message)
    try:
        return _run({key: unline(value) for key, value in reversed(found)}, found)
    except (KeyError, ValueError):
        return None


def _outputs(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    parameters = record.get("outputs", {}).get("parameters", {})
    for name, value in islice(parameters.items(), LISTED):
        yield "Output", line(f"{name}={written(value)}", _value)
    if len(parameters) > LISTED:
        yield "Outputs-Not-Listed", str(len(parameters) - LISTED)


def written(value: Any) -> str:
    """Text as it is, unless it could be taken for JSON; everything else as JSON."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _is_json(value) else value
    return json.dumps(value, ensure_ascii=False)


def _is_json(text: str) -> bool:
    return _from_json(text) is not _no_json


_no_json: Final = object()


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _no_json


def _artifacts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The run's own results first, then what else the steps made."""
    results = {artifact.get("from") for artifact in record.get("outputs", {}).get("artifacts", {}).values()}
    made = sorted(shelf.made(record), key=lambda one: one[0] not in results)
    for name, artifact in made[:LISTED]:
        sha256 = artifact["sha256"][: shelf.SHORT]
        words = f"{name} sha256:{sha256} {artifact['size']} {shelf.link(record, artifact)}"
        yield "Artifact", line(words.rstrip(), _link)
    if len(made) > LISTED:
        yield "Artifacts-Not-Listed", str(len(made) - LISTED)


def _last_paragraph(message: str) -> list[tuple[str, str]]:
    paragraph = message.rstrip("\n").rpartition("\n\n")[2]
    found = (_trailer.fullmatch(one) for one in paragraph.split("\n"))
    return [(match[1], match[2]) for match in found if match]


def _run(values: Mapping[str, str], found: list[tuple[str, str]]) -> Run:
    kind, _, detail = values["Trigger"].partition(" ")
    started = read(values["Started-At"]) if "Started-At" in values else None
    took = values.get("Duration", "").removesuffix("s")
    return Run(
        id=values["Run-Id"],
        name=values["Workflow"],
        number=int(values["Run-Number"]),
        revision=values["Revision"],
        digest=values["Digest"],
        trigger=Trigger(TriggerKind(kind), detail),
        created_at=started or read(values["Created-At"]),
        phase=Phase(values["Phase"]),
        reason=values.get("Reason", ""),
        started_at=started,
        finished_at=started + elapsed(took) if started and took else None,
        outputs=Outputs(
            parameters=dict(
                _output(value) for key, value in found if key == "Output" and not value.endswith(CUT)
            )
        ),
    )


def _output(value: str) -> tuple[str, Any]:
    name, _, text = unline(value).partition("=")
    read_back = _from_json(text)
    return name, text if read_back is _no_json else read_back
