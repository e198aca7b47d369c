"""One process: its output, its end, and that nothing of it is left."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.git.process import CommandFailed, run, stream

ENV = {"PATH": os.environ["PATH"], "GREETING": "hello"}


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_output_input_and_environment_are_what_was_given() -> None:
    code = "import os, sys; print(sorted(k for k in os.environ if k != 'LC_CTYPE'), sys.stdin.read())"

    assert run(python(code), ENV, stdin=[b"a", b"", b"b"]) == b"['GREETING', 'PATH'] ab\n"


def test_a_failure_tells_the_code_and_both_outputs() -> None:
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "echo out; echo err >&2; exit 3"], ENV)

    assert (failed.value.code, failed.value.stdout, failed.value.stderr) == (3, b"out\n", b"err\n")


def test_a_program_that_is_not_there_is_a_failure_and_leaks_nothing() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(CommandFailed, match="cannot be started: No such file"):
        run(["no-such-program"], ENV)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_more_goes_through_than_the_pipes_hold_in_both_directions_at_once() -> None:
    megabyte = bytes(range(256)) * 4096

    chunks = list(stream(["cat"], ENV, stdin=(megabyte for _ in range(20))))

    assert b"".join(chunks) == megabyte * 20
    assert max(map(len, chunks)) <= 1 << 16


def test_input_that_nobody_reads_does_not_hurt() -> None:
    assert run(["true"], ENV, stdin=(b"x" * (1 << 20) for _ in range(10))) == b""


def test_a_child_has_the_default_signals_so_that_a_closed_pipe_ends_it() -> None:
    code = "import signal; print(signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN)"
    traps = "yes | head -1; trap '' PIPE"

    assert run(["sh", "-c", traps], ENV) == b"y\n"
    assert run(python(code), ENV)


def test_row_27_a_timeout_ends_the_whole_family(tmp_path: Path) -> None:
    """The grandchild keeps the pipe open, as git's http helper does."""
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(CommandFailed, match="timed out"):
        run(["sh", "-c", f"exec 3>{fifo}; sleep 600 & sleep 600"], ENV, timeout=0.5)

    assert select.select([reader], [], [], 10)[0]
    assert os.read(reader, 1) == b""  # the end of file: the last holder of the other end is gone
    os.close(reader)


def test_row_27_endless_output_is_cut_at_the_limit() -> None:
    with pytest.raises(CommandFailed, match="wrote more than 100000 bytes") as failed:
        run(["yes"], ENV, limit=100_000)

    assert failed.value.code is None


def test_row_27_endless_complaints_are_kept_in_part() -> None:
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "yes no | head -c 10000000 >&2; echo last >&2; exit 1"], ENV)

    assert len(failed.value.stderr) == 1 << 16
    assert failed.value.stderr.endswith(b"last\n")


def test_a_reader_that_stops_early_ends_the_process() -> None:
    output = stream(["yes"], ENV)
    assert next(output)

    output.close()


def test_an_interrupt_ends_the_process() -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"some"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["cat"], ENV, stdin=interrupted())


def test_time_that_the_reader_takes_is_not_counted() -> None:
    taken = 0
    for chunk in stream(["sh", "-c", "echo one; echo two"], ENV, timeout=30):
        taken += len(chunk)

    assert taken == 8


def test_strict_takes_an_error_on_the_side_for_a_failure() -> None:
    argv = ["sh", "-c", "echo 'error: object is corrupt' >&2; echo missing"]

    assert run(argv, ENV) == b"missing\n"
    with pytest.raises(CommandFailed):
        list(stream(argv, ENV, strict=True))
