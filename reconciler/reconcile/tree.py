"""The files of one revision: listed, or told by what differs from the revision that the catalog stands at.

A list of 10,000 files takes longer than all else that one changed file asks of a pass. Trees are compared
in both cases, so a force push or a rename is nothing special.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.errors import GitError
from reconciler.git.tree import TreeEntry
from reconciler.model.problem import Problem
from reconciler.model.workflow import SourceFile
from reconciler.reconcile.edges import Source
from reconciler.state.store import State

MANY = 500
"""Changed files from which the whole list is as fast."""

_EXECUTABLE = "+x"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a repository may ask of a pass: `files` in the tree, bytes of one definition."""

    files: int = 50_000
    file_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one revision, and a problem for each definition (of those looked at) that is none."""

    files: Mapping[str, SourceFile]
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """How a tree differs from the catalog: paths with new marks, and paths that are no files any more."""

    changed: Mapping[str, str]
    gone: frozenset[str]


def read_tree(source: Source, revision: str, folder: str, limits: Limits) -> Tree:
    """List the tree; links, submodules and unspeakable names are problems where a definition should be."""
    files: dict[str, SourceFile] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for entry in source.entries(revision):
        if not entry.refused:
            files[entry.path] = _file(entry)
        elif _concerns(entry, folder):
            problems[entry.path] = (_refusal(entry),)
        if len(files) > limits.files:
            raise GitError(
                f"the repository holds more than {limits.files} files at {revision[:12]}",
                hint="Raise limits.files, or keep the data elsewhere.",
            )
    return Tree(files, problems)


def compare(
    source: Source, state: State, revision: str, folder: str, limits: Limits
) -> tuple[Tree, Difference]:
    """The tree, and how it differs from the catalog in `state`."""
    base = state.catalog_revision()
    changes = source.changes(base, revision, MANY) if base else None
    if changes is None or len(changes) + state.catalog_size() > limits.files:
        tree = read_tree(source, revision, folder, limits)
        return tree, _difference(tree, state)
    files = {entry.path: _file(entry) for entry in changes if not entry.refused}
    gone = frozenset(entry.path for entry in changes if entry.refused)
    refused = (e for e in changes if e.refused and not e.is_gone and _concerns(e, folder))
    problems = {entry.path: (_refusal(entry),) for entry in refused}
    tree = Tree(_Remembered(state, files, gone), problems)
    return tree, Difference({path: mark(file) for path, file in files.items()}, gone)


def anew(tree: Tree, state: State) -> Difference:
    """The difference that makes every file of the tree one to look at."""
    gone = _difference(tree, state).gone
    return Difference({path: mark(file) for path, file in tree.files.items()}, gone)


def mark(file: SourceFile) -> str:
    """What the catalog remembers of a file."""
    return f"{file.blob}{_EXECUTABLE}" if file.executable else file.blob


def is_definition(path: str, folder: str) -> bool:
    """Whether the file at `path` is read as a definition; `folder` may name one file."""
    if path == folder:
        return True
    inside = folder in ("", ".") or path.startswith(f"{folder.rstrip('/')}/")
    return inside and path.endswith((".yaml", ".yml"))


def _difference(tree: Tree, state: State) -> Difference:
    known = state.catalog_files()
    marks = {path: mark(file) for path, file in tree.files.items()}
    changed = {path: now for path, now in marks.items() if known.get(path) != now}
    complained_of = {problem.path for problem in state.problems()}  # what is refused is not among the files
    return Difference(changed, frozenset((known.keys() | complained_of) - marks.keys()))


class _Remembered(Mapping[str, SourceFile]):
    """The files as the catalog remembers them, but for those that changed; all are read only if asked for."""

    def __init__(self, state: State, changed: Mapping[str, SourceFile], gone: Collection[str]) -> None:
        self._state = state
        self._changed = changed
        self._gone = gone
        self._marks: dict[str, str] | None = None

    def __getitem__(self, path: str) -> SourceFile:
        if path in self._changed:
            return self._changed[path]
        known = self._state.catalog_file(path) if self._marks is None else self._marks.get(path)
        if known is None or path in self._gone:
            raise KeyError(path)
        return SourceFile(path, known.removesuffix(_EXECUTABLE), known.endswith(_EXECUTABLE))

    def __iter__(self) -> Iterator[str]:
        if self._marks is None:
            self._marks = self._state.catalog_files()
        yield from self._changed
        yield from (path for path in self._marks if path not in self._changed and path not in self._gone)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _file(entry: TreeEntry) -> SourceFile:
    return SourceFile(entry.path, entry.blob, entry.kind == "executable")


def _concerns(entry: TreeEntry, folder: str) -> bool:
    return is_definition(entry.path, folder) or entry.path.startswith(f"{folder}/")


def _refusal(entry: TreeEntry) -> Problem:
    return Problem(entry.path, 1, 1, "$", "RefusedFile", f"{entry.refused}; it is not read")
