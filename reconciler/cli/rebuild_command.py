"""`reconciler rebuild`: the state is a cache."""

from __future__ import annotations

import click

from reconciler import composition
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import print_json, print_text
from reconciler.cli.progress import watching
from reconciler.settings import Settings

EPILOG = """\b
Examples:
  reconciler rebuild --config /etc/reconciler.yaml
  reconciler rebuild --state-directory /tmp/copy -o json     into another place, to look at

\b
Exit codes: 0 done; 1 the ledger cannot be reached, and nothing was changed; 75 a pass is at work.
"""


@click.command(epilog=EPILOG)
@with_output()
@with_settings
def command(settings: Settings, output: str) -> None:
    """Make the state database anew: finished runs from the ledger, runs in flight from the executor.

    The ledger is read first; while it cannot be reached, the database stays as it is. A pass that finds no
    database does the same by itself.
    """
    with watching(settings) as watch:
        restored, in_flight = composition.rebuild(settings, watch)
    if output == "json":
        print_json("Rebuild", restored=restored, inFlight=in_flight)
    else:
        print_text(f"{restored} finished runs read back from the ledger, {in_flight} found in flight")
