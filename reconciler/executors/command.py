"""What is executed: the argument vector of a call, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.errors import LaunchRejected
from reconciler.executors import paths
from reconciler.model.run import StepCall

CONTENT = "the content of a file"

LONGEST = 128 * 1024 - 1
"""Bytes of one argument, or of one variable with its name: what Linux gives to a process."""

_AS_FILE = "give the input a `path`, and let the step read that file"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def check(call: StepCall) -> None:
    """Refuse what no process can be given; a NUL would also begin another argument of the sandbox."""
    for name in call.env:
        if not _VARIABLE.fullmatch(name):
            raise LaunchRejected(f"{name!r} cannot name an environment variable")
    for what, text in _texts(call):
        if "\0" in text and what != CONTENT:
            raise LaunchRejected(f"{what} holds a NUL, which no process can be given")
        try:
            size = len(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise LaunchRejected(f"{what} holds half of a surrogate pair, which is no text") from error
        if size > LONGEST and what != CONTENT:
            raise LaunchRejected(f"{what} has {size} bytes, and {LONGEST} are the most; {_AS_FILE}")


def vector(call: StepCall, script: str) -> tuple[str, ...] | None:
    """What to execute, `script` being where the script's file is seen; None: the image's own entrypoint."""
    if call.script is not None:
        return (*_interpreter(call), script, *call.args)
    if call.command:
        return (*call.command, *call.args)
    return None


def on_host(call: StepCall, script: str) -> tuple[str, ...]:
    """As `vector`, for a command that runs without its image."""
    found = vector(call, script)
    assert found is not None, "the executor refuses what has nothing to run here"
    return found


def program(call: StepCall) -> str:
    """What people know as the program of a step; for a script its interpreter."""
    if call.script is not None:
        return " ".join(_interpreter(call)) or call.script.partition("\n")[0].removeprefix("#!").strip()
    return call.command[0] if call.command else f"the entrypoint of {call.image}"


def _interpreter(call: StepCall) -> tuple[str, ...]:
    if call.interpreter:
        return call.interpreter
    return () if call.script is not None and call.script.startswith("#!") else ("/bin/sh", "-e")


def _texts(call: StepCall) -> Iterator[tuple[str, str]]:
    yield from ((f"variable {name}", f"{name}={value}") for name, value in call.env.items())
    yield from (("the command", word) for word in (*(call.command or ()), *call.interpreter))
    yield from (("an argument", word) for word in call.args)
    yield from (("a path", path) for path in (*paths.paths_of(call), call.working_dir or ""))
    yield from ((CONTENT, text.text) for text in call.input_texts)
    yield CONTENT, call.script or ""
    yield "the image", call.image or ""
