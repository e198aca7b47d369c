"""`reconciler` commands without the wait for Python: each in a process forked from one that has the program.

To load the program is more than half of what a short command costs, and the tests give hundreds of them. A
forked command has arguments, environment, directory, output and exit code of its own, and begins in `main`
as any other. Commands that are signalled, or watched while they run, are started as people start them; and
so is everything that is measured.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOREIGN = ("cel_expr_python.cel", "git", "jsonschema_rs", "rich.live", "rich.table", "sqlite_utils", "yaml")
FIXED = ("PYTHON", "LC_", "LANG")
"""Begin the names of variables that Python reads when it starts."""
LANGUAGE = "C.UTF-8"
_LARGEST = 1 << 17


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether this is a test, and a forked process the same as one started in this environment."""
    return "PYTEST_VERSION" in os.environ and not any(
        name.startswith(FIXED) and (name, text) != ("LANG", LANGUAGE) for name, text in environment.items()
    )


def run(words: Sequence[str], environment: Mapping[str, str], cwd: Path) -> tuple[int, str, str]:
    """Run a command to its end without input; its exit code, output and errors."""
    return _forks().run(words, environment, cwd)


@cache
def _forks() -> Forks:
    return Forks()


class Forks:
    """The process that forks commands, as many at once as are asked for; it ends with its maker."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked"],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "LANG": LANGUAGE},
            )
        atexit.register(self._close)

    def run(self, words: Sequence[str], environment: Mapping[str, str], cwd: Path) -> tuple[int, str, str]:
        """As the function of this name."""
        request = json.dumps([list(words), dict(environment), str(cwd)]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            ours, theirs = os.pipe()
            with open(ours) as answer:
                with open(theirs, "wb") as ended:
                    descriptors = [each.fileno() for each in (out, err, ended)]
                    socket.send_fds(self._control, [request], descriptors)
                code = int(answer.read())
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()

    def _close(self) -> None:
        self._control.close()
        self._process.wait()


def _serve() -> None:
    """Fork for each request a process that carries it out and answers, until nobody can ask any more."""
    from reconciler.__main__ import main

    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    control = socket.socket(fileno=os.dup(0))
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 3)
        if not request:
            return
        if os.fork() == 0:
            control.close()
            _carry_out(main, request, *descriptors)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _carry_out(main: Callable[[], int], request: bytes, out: int, err: int, ended: int) -> None:
    """Fork the command, and answer with its exit code or minus its signal when it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        os.close(ended)
        _become(*json.loads(request), out, err)
        os._exit(_code(main))
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.write(ended, str(code).encode())


def _load() -> None:
    import reconciler

    found = pkgutil.walk_packages(reconciler.__path__, "reconciler.")
    ours = (each.name for each in found if ".kubernetes" not in each.name and "__main__" not in each.name)
    for name in (*ours, *FOREIGN):
        importlib.import_module(name)
    importlib.import_module("sqlite_utils.plugins").ensure_plugins_loaded()


def _become(words: list[str], environment: dict[str, str], cwd: str, out: int, err: int) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(cwd)
    sys.argv = [str(ROOT / "reconciler" / "__main__.py"), *words]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _code(main: Callable[[], int]) -> int:
    try:
        return main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    _serve()
