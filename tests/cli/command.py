"""`reconciler` as a person or a program calls it: a process of its own, in a real place."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from reconciler import share
from tests.place import PROGRAM, Place


@dataclass(frozen=True)
class Done:
    """What a command printed, and how it ended; nothing ever prints a traceback."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def call(place: Place, *words: str, code: int = 0, cwd: Path | None = None, **variables: str) -> Done:
    """Run a command to its end, in the person's clone unless told otherwise."""
    done = Done(*place.end(*words, cwd=cwd or place.clone, **variables))
    assert "Traceback" not in done.out + done.err, done.err
    assert done.code == code, f"exit code {done.code}\n{done.out}\n{done.err}"
    return done


def on_a_terminal(place: Place, *words: str, **variables: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *words],
        env={**place.env, "TERM": "xterm-256color", **variables},
        cwd=place.clone,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the last writer has gone
        pass
    os.close(ours)
    assert process.wait() == 0, shown.decode()
    return shown.decode()


def follows_the_schema(document: Any, definition: str) -> None:
    """Against one definition of schemas/output.schema.json, or the schema of run records."""
    if definition == "record":
        schema = json.loads(share.schema_text("record.schema.json"))
    else:
        schema = json.loads(share.schema_text("output.schema.json"))
        schema = {"$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    Draft202012Validator(schema).validate(document)
