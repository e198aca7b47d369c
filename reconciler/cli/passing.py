"""One pass for the command line: listens to signals, shows what happens, sums it up, gives the exit code."""

from __future__ import annotations

from reconciler import composition
from reconciler.cli.printing import remark
from reconciler.cli.progress import print_event, watching
from reconciler.cli.signals import stop_on_signals
from reconciler.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, ReconcilerError
from reconciler.reconcile.passes import Summary
from reconciler.settings import Settings


def carry_out(settings: Settings) -> int:
    """Make one pass; returns the exit code. Raises ReconcilerError where no JSON is wanted."""
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
