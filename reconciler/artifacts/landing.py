"""Where a stored directory is laid out again, with nothing in its listing taken on trust."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from reconciler.artifacts.beneath import stays_below
from reconciler.errors import ArtifactCorrupt

_UNPLAIN = frozenset({"", ".", ".."})


class Landing:
    """Names are relative and plain, nothing is written twice, and links lead nowhere but inside.

    A context: the links are made at its good end, when nothing is written any more that could go through one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._links: list[tuple[Path, str]] = []
        self._made = ""

    def __enter__(self) -> Landing:
        return self

    def file(self, name: str) -> Path:
        """Where the file `name` goes; its directory is there."""
        _demand_plain(name)
        path = Path(f"{self._directory}/{name}")
        above = name.rpartition("/")[0]
        if above != self._made:  # names come sorted: mostly it is that of the last
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made = above
        return path

    def directory(self, name: str) -> None:
        self.file(name).mkdir(exist_ok=True)

    def link(self, name: str, target: str) -> None:
        if not stays_below(name.split("/"), target):
            raise ArtifactCorrupt(f"It holds {name!r}, a symlink to {target!r}, which leads outside.")
        self._links.append((self.file(name), target))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._make_links()
        elif isinstance(error, (FileExistsError, NotADirectoryError)):
            raise _twice(error) from error

    def _make_links(self) -> None:
        try:
            for path, target in self._links:
                path.symlink_to(target)
        except FileExistsError as error:
            raise _twice(error) from error


def _twice(error: OSError) -> ArtifactCorrupt:
    return ArtifactCorrupt(f"It holds one name twice: {error.filename2 or error.filename}.")


def _demand_plain(name: str) -> None:
    if "\0" in name or not _UNPLAIN.isdisjoint(name.split("/")):
        raise ArtifactCorrupt(f"It holds the name {name!r}, which is not plain and relative.")
