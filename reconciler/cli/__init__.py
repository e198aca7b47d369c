"""The command line: parse, build the edges, call one function, print, exit code.

Each command is a module of its own, loaded when it is asked for; `COMMANDS` is the registry. Nothing is
imported before: to load the parser and to describe a hundred flags to it takes longer than a short pass can
spare, and most passes are called by a schedule, with flags that need no parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.settings import Settings

COMMANDS = {
    "init": "Make a workflow repository from the template.",
    "validate": "Say what is wrong in definitions.",
    "plan": "Say what would run, and why.",
    "run": "Run one definition of the working tree, here and now.",
    "pass": "Make one pass: pull, start, carry on, publish.",
    "runs": "List runs.",
    "show": "Show one run.",
    "logs": "Print what a step wrote.",
    "artifacts": "List or fetch what a run left.",
    "rebuild": "Make the state anew from the ledger.",
    "gc": "Remove what nobody needs any more.",
    "doctor": "Check settings, git, store, state and executor.",
    "schema": "Print a schema.",
}


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; returns the exit code and never raises."""
    from reconciler.cli.failures import exit_code_of

    with exit_code_of() as code:
        from reconciler.cli import commands

        code.value = commands.carry_out(arguments)
    return code.value


def run_pass(settings: Settings) -> int:
    """The same for `reconciler pass` whose settings are read already."""
    from reconciler.cli.failures import exit_code_of

    with exit_code_of() as code:
        from reconciler.cli import passing

        code.value = passing.carry_out(settings)
    return code.value
