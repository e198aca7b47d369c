"""The command line: parse, build the edges, call one function, print, exit code.

Each command is a module of its own, loaded when it is asked for; `COMMANDS` is the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from reconciler import __version__
from reconciler.cli.failures import exit_code_of

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


class _Commands(click.Group):
    """Commands whose modules are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"reconciler.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with "did you mean" for a name that does not exist."""
        from reconciler.core.suggest import did_you_mean

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"No command is called '{args[0]}'.{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconciler")
def reconciler() -> None:
    """A Git repository is the user interface of a workflow engine.

    People push workflow files; `reconciler pass`, called by cron, runs them and commits the results.

    \b
    Settings come from flags, RECONCILER_* variables and the file of --config, in this order.
    Completion: eval "$(_RECONCILER_COMPLETE=bash_source reconciler)", also zsh_source and fish_source.
    """


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; returns the exit code and never raises."""
    with exit_code_of() as code:
        result = reconciler.main(args=list(arguments), prog_name="reconciler", standalone_mode=False)
        code.value = result if isinstance(result, int) else 0
    return code.value
