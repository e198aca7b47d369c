"""Turns what went wrong into words for a person and an exit code; a traceback is for the report of a bug."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler import __version__
from reconciler.cli.plain import plain
from reconciler.errors import EXIT_BUG, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, ReconcilerError


@dataclass
class Code:
    """The exit code, as far as it is known."""

    value: int = EXIT_DONE


@contextmanager
def exit_code_of() -> Iterator[Code]:
    """The exit code of what is done inside; errors are told on stderr."""
    code = Code()
    try:
        yield code
    except ReconcilerError as error:
        print(f"Error: {plain(str(error))}", file=sys.stderr)
        code.value = error.exit_code
    except SystemExit as leave:  # click leaves like this when whoever read our output has gone
        code.value = leave.code if isinstance(leave.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        code.value = EXIT_INTERRUPTED
    except OSError as error:
        code.value = _output_failed(error)
    except Exception:
        print(f"Error: this is a bug of reconciler. A report lies in {_report()}", file=sys.stderr)
        code.value = EXIT_BUG


def _output_failed(error: OSError) -> int:
    """The exit code when what we print cannot be written; edges translate every other error of the system."""
    if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO) or error.filename:
        print(f"Error: this is a bug of reconciler. A report lies in {_report()}", file=sys.stderr)
        return EXIT_BUG
    # Without this, Python tries to write the rest while it exits, and complains once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno != errno.EPIPE:  # who stopped reading knows
        print(f"Error: what was to be printed cannot be written: {error.strerror}", file=sys.stderr)
    return EXIT_FAILED


def _report() -> str:
    """Write what happened to a file of its own; says where, or prints it where no file can be written."""
    import platform  # these three are hardly ever needed, and not cheap
    import tempfile
    import traceback

    text = f"reconciler {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    text += f"command: {sys.argv[1:2]}\n\n{traceback.format_exc()}"
    try:
        descriptor, path = tempfile.mkstemp(prefix="reconciler-bug-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return f"no file, because none can be written:\n{text}"
    return path
