"""What is executed: the argument vector of a call. Pure."""

from __future__ import annotations

from reconciler.errors import LaunchRejected
from reconciler.model.run import StepCall


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
    if found is None:
        raise LaunchRejected(
            "the step has neither command nor script, and only an image has an entrypoint of its own",
            hint="Give the step a command, or let executor.images run its image.",
        )
    return found


def _interpreter(call: StepCall) -> tuple[str, ...]:
    if call.interpreter:
        return call.interpreter
    return () if call.script is not None and call.script.startswith("#!") else ("/bin/sh", "-e")
