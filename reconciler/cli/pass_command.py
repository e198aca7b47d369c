"""`reconciler pass`: the cron job."""

from __future__ import annotations

import click

from reconciler.cli import passing
from reconciler.cli.options import with_settings
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
    return passing.carry_out(settings)
