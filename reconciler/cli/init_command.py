"""`reconciler init`: a workflow repository to start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from reconciler import share
from reconciler.cli.printing import print_text
from reconciler.errors import ReconcilerError
from reconciler.git import checkout

EPILOG = """\b
Examples:
  reconciler init flows          a new repository in ./flows
  reconciler init                in the current directory
"""

SCHEMA = ".reconciler/workflow.schema.json"
_LISTED = 20


@click.command(epilog=EPILOG)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="[DIR]")
def command(directory: Path) -> None:
    """Make a workflow repository in DIR, with two workflows to try, the schema for editors, and hooks.

    Files that are there already and differ are never overwritten: they are listed, and nothing is written.
    """
    files = dict(_template())
    try:
        _refuse_to_overwrite(directory, files)
        written = _write(directory, files)
        note = _make_repository(directory.absolute())
    except OSError as error:
        raise ReconcilerError(f"Cannot write {error.filename or directory}: {error.strerror}.") from error
    print_text(f"{written} files written to {directory}{note}")
    where = "" if directory == Path() else f"cd {directory} && "
    print_text("\nTry it, then commit and push it, and let a pass run what is new:")
    print_text(f"  {where}reconciler validate")
    print_text("  reconciler run workflows/churn.yaml")
    print_text('  git add --all && git commit -m "Start with two workflows" && git push')
    print_text("  reconciler pass --repository-url URL")


def _template() -> Iterator[tuple[str, tuple[bytes, bool]]]:
    """Each file's content, and whether it can be executed."""
    root = share.repo_template()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            executable = bool(path.stat().st_mode & 0o100)
            yield path.relative_to(root).as_posix(), (path.read_bytes(), executable)
    yield SCHEMA, (share.schema_text().encode(), False)


def _refuse_to_overwrite(directory: Path, files: Mapping[str, tuple[bytes, bool]]) -> None:
    there = [name for name, (content, _) in files.items() if _differs(directory / name, content)]
    if there:
        more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
        message = (
            f"These files in {directory} are there already, and differ: {', '.join(there[:_LISTED])}{more}."
        )
        raise ReconcilerError(
            message, hint="Nothing was written. Move them away, or choose another directory."
        )


def _differs(path: Path, content: bytes) -> bool:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return True
    return path.exists() and path.read_bytes() != content


def _write(directory: Path, files: Mapping[str, tuple[bytes, bool]]) -> int:
    missing = {name: file for name, file in files.items() if not (directory / name).exists()}
    for name, (content, executable) in missing.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if executable:
            path.chmod(0o755)
    return len(missing)


def _make_repository(directory: Path) -> str:
    """Begin a repository where there is none; says what is to be known of it.

    A directory that the repository around it ignores is on its own too.
    """
    root = checkout.root_of(directory)
    if root == directory:
        return ", which is a repository already"
    if root is None or checkout.is_ignored(root, directory):
        checkout.begin(directory)
        return ", a new git repository"
    return (
        f", inside of the repository {root}. Workflows name files from the root of their repository: "
        f"move them there, or run `git init {directory}` to make a repository of them"
    )
