"""`reconciler validate`: everything that is wrong in definitions, for people, editors, hooks and CI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.checkouts import DEFINITIONS, by_root
from reconciler.cli.options import with_output
from reconciler.cli.printing import print_json, remark
from reconciler.errors import EXIT_DONE, EXIT_FAILED, ReconcilerError
from reconciler.model.problem import Problem, Severity
from reconciler.reconcile.catalog import Limits
from reconciler.reconcile.validation import Validation, validate

EPILOG = """\b
Examples:
  reconciler validate                              every definition below ./workflows
  reconciler validate workflows/churn.yaml flows/
  reconciler validate --strict --output sarif > problems.sarif

\b
In a pre-commit configuration, the hook `reconciler-validate` does the same for what is committed.
Exit codes: 0 no errors (with --strict: no warnings either); 1 something is wrong; 2 wrong usage.
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--strict", is_flag=True, help="Let warnings count like errors.")
@with_output("text", "json", "github", "sarif")
def command(paths: tuple[Path, ...], strict: bool, output: str) -> int:
    """Say what is wrong in the definitions at PATHS: files, or folders with `*.yaml` and `*.yml`.

    Needs no settings and no state, only a checkout: files that steps take along must be there, and names
    must not be taken.
    """
    found = [(root, _validate(root, wanted)) for root, wanted in by_root(paths or _default()).items()]
    problems = [
        _seen_from_here(root, each) if output == "text" else each for root, v in found for each in v.problems
    ]
    files, workflows = sum(v.files for _, v in found), sum(v.workflows for _, v in found)
    _print(problems, files, workflows, output)
    wrong = [each for each in problems if strict or each.severity is Severity.ERROR]
    return EXIT_FAILED if wrong else EXIT_DONE


def _default() -> Sequence[Path]:
    folder = Path(DEFINITIONS)
    if not folder.is_dir():
        raise click.UsageError(f"There is no folder '{DEFINITIONS}' here; name files or folders to validate.")
    return (folder,)


def _validate(root: Path, wanted: list[str]) -> Validation:
    from reconciler.git.worktree import Worktree  # brings GitPython, which `--help` spares

    folders = [path for path in wanted if (root / path).is_dir()]
    files = [path for path in wanted if path not in folders]
    special = [path for path in files if not (root / path).is_file()]  # opening a pipe would wait for ever
    if special:
        raise ReconcilerError(f"{special[0]} is neither a file nor a folder.")
    limits = Limits()
    return validate(
        Worktree(root), folders, files, lambda path: _content(root / path, limits.file_bytes), limits
    )


def _content(path: Path, limit: int) -> bytes | None:
    """The content of a file; None if it is larger than `limit`."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ReconcilerError(f"Cannot read {path}: {error.strerror}.") from error
    return content if len(content) <= limit else None


def _print(problems: Sequence[Problem], files: int, workflows: int, output: str) -> None:
    from reconciler.definition import report  # brings SARIF, which `--help` spares

    if output == "json":
        listed = [report.to_object(problem) for problem in sorted(problems)]
        print_json("Validation", files=files, workflows=workflows, problems=listed)
        return
    click.echo(report.render(problems, output), nl=False)
    if output == "text":
        remark(_sentence(problems, files, workflows))


def _sentence(problems: Sequence[Problem], files: int, workflows: int) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    counts = [_count(errors, "error")] if errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    told = ", ".join(counts) or "no problems"
    return f"{_count(files, 'file')}, {_count(workflows, 'sound workflow')}, {told}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _seen_from_here(root: Path, problem: Problem) -> Problem:
    """With a path that an editor finds from the current directory."""
    return replace(problem, path=os.path.relpath(root / problem.path))
