"""The settings of passes themselves: what they remember, how they take turns, what they allow and say."""

from __future__ import annotations

from reconciler.settings.about import Group, setting
from reconciler.settings.values import BOOLEAN, DURATION, PATH, SIZE, TEXT, choice, integer


class State(Group):
    """What a pass remembers: a cache, which `reconciler rebuild` makes anew."""

    directory: str = setting(
        PATH,
        "Database, lock, clone and working directories of steps.",
        default="",
        example="/var/lib/reconciler",
        otherwise="${XDG_STATE_HOME:-~/.local/state}/reconciler",
    )
    snapshot: str = setting(
        choice("none", "store"),
        "`store`: keep a copy of the database in the artifact store, for passes that share no directory.",
        default="none",
        example="store",
    )
    snapshot_interval: float = setting(
        DURATION, "How often a working pass stores the copy.", default=60.0, example="60s"
    )


class Pass(Group):
    """How long a pass works, and how often it looks and publishes."""

    budget: float = setting(
        DURATION,
        "A pass ends after this time; steps that still run are adopted by the next one.",
        default=600.0,
        example="10m",
    )
    forever: bool = setting(
        BOOLEAN,
        "Never end: look for pushes and due schedules until a signal comes. Writes the file `heartbeat`.",
        default=False,
        example="true",
    )
    fetch_interval: float = setting(
        DURATION, "How often a working pass looks for new pushes.", default=15.0, example="15s"
    )
    publish_interval: float = setting(
        DURATION, "How often a working pass commits what has finished.", default=10.0, example="5s"
    )
    max_starts: int = setting(integer(1), "The most runs that one pass starts.", default=1000, example="1000")
    shards: int = setting(
        integer(1),
        "Into how many shards the workflows are parted; a pass of each works beside the others.",
        default=1,
        example="4",
    )
    shard: int = setting(integer(0), "Which of them this pass is, counted from 0.", default=0, example="3")


class Lease(Group):
    """How passes in a cluster take turns, wherever they run."""

    name: str = setting(
        TEXT,
        "What the Leases are named after; passes with the same name and namespace take turns.",
        default="reconciler",
        example="team-a",
    )
    namespace: str = setting(
        TEXT,
        "The namespace of the Leases.",
        default="",
        example="reconciler",
        otherwise="that of the pod in which the pass runs, else `default`",
    )
    duration: float = setting(
        DURATION,
        "How long a Lease lasts without being renewed; the next pass waits so long for one that died.",
        default=30.0,
        example="30s",
    )


class Limits(Group):
    """What one repository may ask for."""

    files: int = setting(
        integer(1), "The most files of a revision, definitions or not.", default=50_000, example="50000"
    )
    file_bytes: int = setting(
        SIZE, "The largest definition file; a larger one is a problem.", default=2**20, example="256KiB"
    )
    blob_bytes: int = setting(
        SIZE, "The largest file that a step can take along by `files`.", default=32 * 2**20, example="100MiB"
    )
    parameter_bytes: int = setting(
        SIZE, "The largest output parameter; larger values are artifacts.", default=2**24, example="64KiB"
    )
    log_tail_bytes: int = setting(
        SIZE,
        "How much of a log's end is kept in the state; the whole log is an artifact.",
        default=4 * 1024,
        example="16KiB",
    )
    git_timeout: float = setting(
        DURATION, "The longest that one git command may take.", default=120.0, example="5m"
    )


class Logging(Group):
    """What a pass says while it works."""

    level: str = setting(
        choice("debug", "info", "warning", "error"), "What is worth a line.", default="info", example="info"
    )
    format: str = setting(
        choice("text", "json"), "Lines for people, or a JSON object per line.", default="text", example="json"
    )
