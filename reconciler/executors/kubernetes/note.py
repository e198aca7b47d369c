"""What a pod says of its attempt, in an annotation: enough to judge its end for whoever finds it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from reconciler.model import codec
from reconciler.model.run import AttemptKey


@dataclass(frozen=True, slots=True)
class Note:
    """The attempt, its place in the store, and what its end is judged by.

    `layout` is plain, sidecar or chain; `answers` whether an agent reports at the end; `memory` the
    memory limit as it was written; `program` what people know as the program.
    """

    key: AttemptKey
    prefix: str
    layout: str = "plain"
    answers: bool = False
    memory: str = ""
    program: str = ""
    timeout: float | None = None


def dump(note: Note) -> str:
    return json.dumps(codec.encode(note), ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Note | None:
    """None for anything that `dump` did not write."""
    try:
        return codec.decode(Note, json.loads(text))
    except ValueError:
        return None
