"""`reconciler gc`: the executor lets go of what nobody needs; or of everything, before an uninstallation."""

from __future__ import annotations

import time

import click

from reconciler import composition
from reconciler.cli.options import with_settings
from reconciler.cli.printing import print_text
from reconciler.cli.progress import watching
from reconciler.errors import LockHeld
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler gc --config /etc/reconciler.yaml
  reconciler gc --everything --wait 120     before the namespace or the machine is given up

\b
Exit codes: 0 done; 1 the executor or git cannot be reached; 75 a pass is at work.
"""
_PAUSE = 1.0


@click.command("gc", epilog=EPILOG)
@click.option("--everything", is_flag=True, help="Also end and remove what is in flight, unrecorded.")
@click.option("--wait", default=0, metavar="SECONDS", help="How long to wait for a pass at work to end.")
@with_settings
def command(settings: Settings, everything: bool, wait: int) -> None:
    """Remove what the executor keeps of runs that are published, and what belongs to no run at all.

    Every pass does so as well. With --everything nothing is kept, also of runs in flight: what runs is
    ended, and nothing of it is recorded. It is for who leaves: in a cluster no pod, no finalizer and no Lease
    stays behind.
    """
    end = time.monotonic() + wait
    while True:
        try:
            return _collect(settings, everything)
        except LockHeld:
            if time.monotonic() >= end:
                raise
            time.sleep(_PAUSE)


def _collect(settings: Settings, everything: bool) -> None:
    if everything:
        print_text(f"{composition.remove_runs(settings)} runs removed")
        return
    with watching(settings) as watch:
        print_text(f"{composition.collect(settings, watch)} runs are in flight")
