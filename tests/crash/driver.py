"""Runs passes in forked children, so that a trial does not pay for loading the program.

Reads one JSON request a line: {"environment": {...}, "at": number or null, "side": "before"|"after"}, and
answers with one line: {"status": exit code or minus signal, "points": [...]}. With "kill_after", the child
is killed so many seconds after it began. "shift" seconds are added to what its clock says. "in_cluster"
chooses the points.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml  # noqa: F401 - loaded once for all children
from cel_expr_python import cel  # noqa: F401

from reconciler import composition
from reconciler.definition import judge  # noqa: F401
from reconciler.errors import ReconcilerError
from reconciler.settings import read_settings
from tests.crash.faults import Faults


def child(request: dict[str, Any], told: Path) -> int:
    """One pass in this process; returns its exit code."""
    os.environ.clear()
    os.environ.update(request["environment"])
    faults = Faults(request["at"], request["side"], in_cluster=request["in_cluster"])
    faults.install()
    shift, real = timedelta(seconds=request["shift"]), composition.clock
    composition.clock = lambda: real() + shift
    try:
        summary = composition.run_pass(read_settings(), lambda event: None, lambda: False)
    except ReconcilerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        told.write_text(json.dumps(faults.seen))
    for error in summary.errors:
        print(error, file=sys.stderr)
    return 1 if summary.errors else 0


def guarded(request: dict[str, Any], told: Path) -> int:
    try:
        return child(request, told)
    except BaseException:
        traceback.print_exc()
        return 3


def kill_after(process: int, seconds: float) -> None:
    """Kill the child after `seconds`, or learn that it has ended before."""
    descriptor = os.pidfd_open(process)
    if not select.select([descriptor], [], [], seconds)[0]:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    os.close(descriptor)


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["in_cluster"]:
            importlib.import_module("kubernetes.client")
        told = Path(request["environment"]["HOME"]) / "points.json"
        told.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            os._exit(guarded(request, told))
        if request["kill_after"] is not None:
            kill_after(process, request["kill_after"])
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        points = json.loads(told.read_text()) if told.exists() else []
        print(json.dumps({"status": status, "points": points}), flush=True)


if __name__ == "__main__":
    main()
