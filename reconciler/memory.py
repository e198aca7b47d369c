"""Opens what a pass remembers: fetched from a copy, set aside if damaged, made anew if stale."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from reconciler import turn
from reconciler.artifacts.base import ArtifactStore
from reconciler.definition import workflow_from_document
from reconciler.errors import StateCorrupt
from reconciler.reconcile import events
from reconciler.reconcile.snapshots import Snapshots
from reconciler.settings import Settings
from reconciler.state.store import State

LAYOUT = "layout"
"""Where the state remembers by which layout of shards it was made."""


def open_state(
    settings: Settings, *, read_only: bool = False, allow: Callable[[], None] = lambda: None
) -> State:
    """The state database, made if need be; `allow` is asked before each write."""
    state = State.open(state_path(settings), parse=workflow_from_document, read_only=read_only)
    state.database.allow = allow
    return state


def scratch_state() -> State:
    """A state that ends with the process."""
    return State.in_memory(parse=workflow_from_document)


def state_path(settings: Settings) -> Path:
    return Path(settings.own_directory) / "state.db"


def has_state(settings: Settings) -> bool:
    """Whether there is a database; false too where nobody may look, which opening it then tells."""
    return os.path.exists(state_path(settings))  # noqa: PTH110  (pathlib raises there)


def remove_state(settings: Settings) -> None:
    """Delete the database with its journals."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{state_path(settings)}{suffix}").unlink(missing_ok=True)


def snapshots(settings: Settings, store: ArtifactStore, ours: turn.Turn) -> Snapshots | None:
    """The copies of this shard's state, where the settings want any."""
    if settings.state.snapshot == "none":
        return None
    key = f"state/{settings.lease.name}/{settings.pass_.shard}-of-{settings.pass_.shards}.db"
    return Snapshots(store, key, interval=settings.state.snapshot_interval, allow=ours.check)


def fetch_state(settings: Settings, store: ArtifactStore, ours: turn.Turn) -> bool:
    """Bring the copy of the state where there is no state; whether it came."""
    copies = None if has_state(settings) else snapshots(settings, store, ours)
    return copies is not None and copies.fetch(state_path(settings))


def current_state(settings: Settings, notify: events.Notify, ours: turn.Turn) -> State:
    """The state, made anew where it was left by a layout after which others did this shard's work."""
    state = _sound_state(settings, notify, ours.check)
    noted, current = state.meta(LAYOUT), str(ours.layout)
    if noted not in (current, None if ours.layout.generation == 1 else current):
        state.close()
        remove_state(settings)
        state = open_state(settings, allow=ours.check)
    if noted != current:
        state.set_meta(LAYOUT, current)
    return state


def _sound_state(settings: Settings, notify: events.Notify, allow: Callable[[], None]) -> State:
    try:
        return open_state(settings, allow=allow)
    except StateCorrupt as error:
        aside = state_path(settings).with_name("state.db.damaged")
        state_path(settings).replace(aside)
        remove_state(settings)
        text = f"{error.message}; it was set aside as {aside} and is made anew from the ledger"
        notify(events.Event(events.Kind.WARNING, text))
        return open_state(settings, allow=allow)
