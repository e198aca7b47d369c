"""`reconciler doctor`: whether a pass would find everything it needs, and what to do if not."""

from __future__ import annotations

import click

from reconciler.cli import examination
from reconciler.cli.examination import Finding, Verdict
from reconciler.cli.options import with_output, with_settings
from reconciler.cli.printing import print_json, print_text
from reconciler.errors import EXIT_DONE, EXIT_FAILED
from reconciler.settings import Settings, shown, table

EPILOG = """\b
Examples:
  reconciler doctor --config /etc/reconciler.yaml
  reconciler doctor -o json

\b
Exit codes: 0 nothing fails (warnings may stand there); 1 something does; 2 the settings are wrong.
"""

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@click.command(epilog=EPILOG)
@with_output()
@with_settings
def command(settings: Settings, output: str) -> int:
    """Check settings, git, repository, ledger, store, state and executor, and say what to do.

    Writes a small object to the store and deletes it, and asks the ledger for the right to push without
    pushing anything. Secrets are not shown.
    """
    findings = list(examination.examine(settings))
    if output == "json":
        _print_json(settings, findings)
    else:
        _print(settings, findings)
    return EXIT_FAILED if any(each.verdict is Verdict.FAIL for each in findings) else EXIT_DONE


def _given(settings: Settings) -> list[tuple[str, str, str]]:
    """Name, value and origin of every setting that was given; a secret shows three stars."""
    rows = [row for name, row in table().items() if name in settings.origins]
    return [(row.name, shown(row.of(settings)), settings.origins[row.name]) for row in rows]


def _print(settings: Settings, findings: list[Finding]) -> None:
    given = _given(settings)
    print_text("settings" if given else "settings: none given, all defaults")
    for name, value, origin in given:
        print_text(f"  {name} = {value}   ({origin})")
    print_text("")
    for each in findings:
        print_text(f"{each.verdict:<4}  {each.subject}: {each.text}", _COLOURS[each.verdict])
        if each.hint:
            print_text(f"      {each.hint}")


def _print_json(settings: Settings, findings: list[Finding]) -> None:
    print_json(
        "Diagnosis",
        settings=[{"name": n, "value": v, "origin": o} for n, v, o in _given(settings)],
        findings=[
            {"verdict": str(f.verdict), "subject": f.subject, "text": f.text, "hint": f.hint}
            for f in findings
        ],
    )
