"""The commands in docs/ledger.md and what they print: run on the sample ledger, compared or written anew."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.ledger import sample

_block = re.compile(r"(?ms)^```console\n(.*?)^```$")


def commands(document: str) -> Iterator[tuple[str, str]]:
    """Each command line of the document's console blocks, with the output that stands below it."""
    for block in _block.findall(document):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def rewrite(path: Path) -> None:
    """Put what the commands print now into the document."""
    with tempfile.TemporaryDirectory() as name:
        ledger = sample.documented(Path(name))

        def fresh(match: re.Match[str]) -> str:
            shown = "".join(
                f"$ {command}\n{sample.shell(ledger, command)}" for command, _ in commands(match[0])
            )
            return f"```console\n{shown}```"

        path.write_text(_block.sub(fresh, path.read_text()))
