"""`reconciler schema`: the public contracts, as files for editors and programs."""

from __future__ import annotations

import click

from reconciler import share

EPILOG = """\b
Examples:
  reconciler schema > .reconciler/workflow.schema.json     what definitions may hold, for editors
  reconciler schema record                                 what `show --output json` and the ledger hold
  reconciler schema output                                 what --output json prints elsewhere
"""


@click.command(epilog=EPILOG)
@click.argument("name", type=click.Choice(["workflow", "record", "output"]), default="workflow")
def command(name: str) -> None:
    """Print a JSON Schema: of definitions (workflow), of run records, or of what commands print (output)."""
    click.echo(share.schema_text(f"{name}.schema.json"), nl=False)
