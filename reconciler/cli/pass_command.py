"""`reconciler pass`: the cron job."""

from __future__ import annotations

import click

from reconciler import composition
from reconciler.cli.options import with_settings
from reconciler.cli.printing import remark
from reconciler.cli.progress import print_event, watching
from reconciler.cli.signals import stop_on_signals
from reconciler.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, ReconcilerError
from reconciler.reconcile.passes import Summary
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler pass --repository-url https://git.example.com/team/flows.git
  reconciler pass --config /etc/reconciler.yaml --logging-format json
  reconciler pass --config /etc/reconciler.yaml --pass-forever true
  * * * * * reconciler pass --config ~/reconciler.yaml     (in a crontab)

\b
Exit codes: 0 done; 1 something in the world failed, and the next pass tries it again;
2 wrong usage or settings; 75 another pass is at work;
76 this pass lost its Lease and stopped writing, and another goes on with its work;
130 ended in order by a signal.
"""


@click.command("pass", epilog=EPILOG)
@with_settings
def command(settings: Settings) -> int:
    """Make one pass: pull, check, start what is due, carry every run on, publish what ended.

    A pass ends when nothing moves any more or its time budget is over; steps that still run then are
    adopted by the next one. With --pass-forever it ends by a signal only, in order and with code 0. With
    nothing to do it takes a few hundredths of a second.
    """
    try:
        with stop_on_signals() as stopped:
            with watching(settings) as watch:
                summary = composition.run_pass(settings, watch, watch.between(stopped))
            _tell(settings, summary)
            if settings.pass_.forever:
                return EXIT_DONE
            if summary.errors:
                return EXIT_FAILED
            return EXIT_INTERRUPTED if stopped() else EXIT_DONE
    except ReconcilerError as error:
        if settings.logging.format != "json":
            raise
        print_event("error", "failed", str(error))
        return error.exit_code


def _tell(settings: Settings, summary: Summary) -> None:
    if settings.logging.level == "error" and not summary.errors:
        return
    text = _sentence(summary)
    if settings.logging.format == "json":
        print_event(
            "error" if summary.errors else "info",
            "summary",
            text,
            revision=summary.revision,
            started=summary.started,
            published=summary.published,
            openRuns=summary.open_runs,
            errors=[str(error) for error in summary.errors],
        )
    else:
        remark(text, "red" if summary.errors else None)


def _sentence(summary: Summary) -> str:
    parts = [
        f"{summary.started} started",
        f"{summary.published} published",
        f"{summary.open_runs} still open",
    ]
    where = f" at {summary.revision[:12]}" if summary.revision else ""
    count = len(summary.errors)
    problems = f"; {count} error{'s' if count > 1 else ''}" if count else ""
    return f"pass{where}: {', '.join(parts)}{problems}"
