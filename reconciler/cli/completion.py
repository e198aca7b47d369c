"""What the shell may complete: names of workflows, from the state, if there is one."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from reconciler.cli.options import given_settings
from reconciler.cli.recorded import recorded
from reconciler.errors import ReconcilerError


def workflow_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The workflows that have run; a shell that completes is never told of errors."""
    try:
        with recorded(given_settings(context.params)) as state:
            return [
                CompletionItem(name) for name in sorted(state.last_numbers()) if name.startswith(incomplete)
            ]
    except ReconcilerError:
        return []
