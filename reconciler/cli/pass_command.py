"""`reconciler pass`: the cron job."""

from __future__ import annotations

import click

from reconciler import composition
from reconciler.cli.options import with_settings
from reconciler.cli.progress import watching
from reconciler.cli.signals import stop_on_signals
from reconciler.errors import EXIT_DONE, EXIT_FAILED
from reconciler.reconcile.passes import Summary
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler pass --repository-url https://git.example.com/team/flows.git
  reconciler pass --config /etc/reconciler.yaml
  * * * * * reconciler pass --config ~/reconciler.yaml     (in a crontab)

\b
Exit codes: 0 done; 1 something in the world failed, and the next pass tries it again;
2 wrong usage or settings; 75 another pass is at work.
"""


@click.command("pass", epilog=EPILOG)
@with_settings
def command(settings: Settings) -> int:
    """Make one pass: pull, check, start what is due, carry every run on, publish what ended.

    A pass ends when nothing moves any more or its time budget is over; steps that still run then are
    adopted by the next one. With nothing to do it takes a few hundredths of a second.
    """
    with stop_on_signals() as stopped, watching() as notify:
        summary = composition.run_pass(settings, notify, stopped)
    click.echo(_sentence(summary), err=True)
    return EXIT_FAILED if summary.errors else EXIT_DONE


def _sentence(summary: Summary) -> str:
    parts = [
        f"{summary.started} started",
        f"{summary.published} published",
        f"{summary.open_runs} still open",
    ]
    where = f" at {summary.revision[:12]}" if summary.revision else ""
    problems = f"; {len(summary.errors)} errors" if summary.errors else ""
    return f"pass{where}: {', '.join(parts)}{problems}"
