"""The commands as `click` knows them, and what it has to say of a command line that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from reconciler import __version__
from reconciler.cli import COMMANDS
from reconciler.errors import EXIT_DONE, EXIT_USAGE


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


def carry_out(arguments: Sequence[str]) -> int:
    """Carry out one command line; returns the exit code."""
    try:
        result = reconciler.main(args=list(arguments), prog_name="reconciler", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE if isinstance(error, click.UsageError) else error.exit_code
    except click.Abort as abort:
        raise KeyboardInterrupt from abort
    return result if isinstance(result, int) else EXIT_DONE
