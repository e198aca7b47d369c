"""What steps wrote, to stdout: as it is into a file or a pipe, harmless on a terminal."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from reconciler.cli.plain import plain


@contextmanager
def writing() -> Iterator[Callable[[bytes], None]]:
    """A function that writes bytes to stdout, and shows them at once."""
    if sys.stdout.isatty():
        yield _to_terminal()
    else:
        stream = sys.stdout.buffer

        def write(chunk: bytes) -> None:
            stream.write(chunk)
            stream.flush()

        yield write


def _to_terminal() -> Callable[[bytes], None]:
    """Characters that a chunk's end cuts in two are put together again."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(chunk: bytes) -> None:
        text = decoder.decode(chunk).replace("\r\n", "\n")
        click.echo(plain(text), nl=False)

    return write
