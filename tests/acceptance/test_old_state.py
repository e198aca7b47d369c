"""A state that is put back from a copy, however old, makes nothing run twice and loses nothing."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.place import Place

FLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: NAME}
spec:
  steps:
    first: {command: [sh, -c, 'echo NAME VALUE first >> TRACE; while [ ! -e GO ]; do sleep 0.05; done']}
    second: {needs: [first], command: [sh, -c, 'echo NAME VALUE second >> TRACE']}
"""


class World(Place):
    """Workflows that leave a trace, and wait for the file `go`."""

    @property
    def go(self) -> Path:
        return self.root / "go"

    @property
    def trace(self) -> Counter[str]:
        path = self.root / "trace"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    def want(self, value: str, *names: str) -> None:
        form = FLOW.replace("VALUE", value).replace("TRACE", str(self.root / "trace"))
        self.push(**{n: form.replace("NAME", n).replace("GO", str(self.go)) for n in names})

    def subjects(self) -> Counter[str]:
        return Counter(subject.split(" in ")[0] for subject in self.history())

    def begin(self, *arguments: str) -> None:
        """A pass that starts what is due and leaves it running."""
        self.run("pass", "--pass-budget", "0s", *arguments)


def once(*steps: str) -> Counter[str]:
    return Counter(f"{step} {which}" for step in steps for which in ("first", "second"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def until(happened) -> None:
    while not happened():
        time.sleep(0.02)


def saved(world: World) -> Path:
    """A copy of the database as it is now."""
    copy = world.root / "copy.db"
    with sqlite3.connect(world.state / "state.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy


def put_back(world: World, copy: Path, *, whole: bool) -> None:
    """The old database, and `whole`: nothing else that a pass kept, either."""
    if whole:
        for name in ("ledger.git", "source.git"):
            shutil.rmtree(world.state / name, ignore_errors=True)
    for suffix in ("-wal", "-shm"):
        (world.state / f"state.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, world.state / "state.db")


@pytest.mark.parametrize("whole", [False, True], ids=["the database", "everything"])
def test_runs_that_were_published_since_are_not_run_again(world, whole):
    world.go.touch()
    world.want("1", "old")
    world.run("pass")
    copy = saved(world)
    world.want("2", "old", "new")
    world.run("pass")
    put_back(world, copy, whole=whole)
    world.run("pass")
    world.run("pass")
    assert world.trace == once("old 1", "old 2", "new 2")
    assert world.subjects() == Counter([f"{name}: Succeeded" for name in ("old #1", "old #2", "new #1")])


def test_a_run_that_was_open_then_and_is_published_now_stays_ended(world):
    world.want("1", "flow")
    world.begin()
    copy = saved(world)
    world.go.touch()
    world.run("pass")
    put_back(world, copy, whole=True)
    printed = world.run("pass")
    assert "0 still open" in printed
    assert world.trace == once("flow 1")
    assert world.subjects() == Counter(["flow #1: Succeeded"])
    assert "Succeeded" in world.run("show", "flow")


def test_a_run_that_began_since_is_carried_on(world):
    world.go.touch()
    world.want("1", "flow")
    world.run("pass")
    copy = saved(world)
    world.go.unlink()
    world.want("2", "flow")
    world.begin()
    until(lambda: world.trace["flow 2 first"])
    put_back(world, copy, whole=True)
    world.go.touch()
    world.run("pass")
    assert world.trace == once("flow 1", "flow 2")
    assert world.subjects() == Counter(["flow #1: Succeeded", "flow #2: Succeeded"])


def test_a_run_that_went_on_since_is_not_repeated(world):
    world.want("1", "flow")
    world.begin()
    copy = saved(world)
    until(lambda: world.trace["flow 1 first"])
    world.go.touch()
    until(lambda: list(world.state.glob("attempts/*/first/**/exit-code")) or _ended(world))
    world.begin()
    put_back(world, copy, whole=True)
    world.run("pass")
    assert world.trace == once("flow 1")
    assert world.subjects() == Counter(["flow #1: Succeeded"])


def _ended(world: World) -> bool:
    world.begin()
    return world.trace["flow 1 second"] > 0


def test_what_ended_before_and_was_published_by_a_pass_that_died_is_not_published_twice(world):
    """Its run stands in the outbox of the copy, and in the ledger."""
    world.go.touch()
    world.want("1", "flow")
    nowhere = str(world.root / "nowhere")
    world.git("init", "--quiet", "--bare", nowhere, cwd=world.root)
    hook = Path(nowhere) / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    world.run("pass", "--ledger-url", nowhere, code=1)
    copy = saved(world)
    hook.unlink()
    world.run("pass", "--ledger-url", nowhere)
    put_back(world, copy, whole=True)
    world.run("pass", "--ledger-url", nowhere)
    log = world.git("log", "--format=%s", "runs", cwd=Path(nowhere)).splitlines()
    assert [subject.split(" in ")[0] for subject in log] == ["flow #1: Succeeded"]


class TestSnapshots:
    """The database travels by the artifact store; every pass begins with an empty directory."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        store = (tmp_path / "store").as_uri()
        return World(
            tmp_path, environment={"RECONCILER_STATE_SNAPSHOT": "store", "RECONCILER_STORE_URL": store}
        )

    def forget(self, world: World) -> None:
        """All but what the executor keeps: that is the cluster's in a cluster."""
        for entry in world.state.iterdir():
            if entry.name not in ("attempts", "layout"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def test_the_next_pass_finds_what_the_last_one_knew(self, world):
        world.go.touch()
        world.want("1", "flow")
        world.run("pass")
        self.forget(world)
        printed = world.run("pass")
        assert "read back from the ledger" not in printed
        assert (world.trace, len(world.history())) == (once("flow 1"), 1)
        assert [path.name for path in (world.root / "store/state/reconciler").iterdir()] == ["0-of-1.db"]

    def test_an_old_copy_a_damaged_one_and_none_make_nothing_run_twice(self, world):
        world.go.touch()
        world.want("1", "flow")
        world.run("pass")
        copy = world.root / "store/state/reconciler/0-of-1.db"
        old = copy.read_bytes()
        world.want("2", "flow")
        world.run("pass")
        for content in (old, old[: len(old) // 2], b"no database", None):
            copy.unlink() if content is None else copy.write_bytes(content)
            self.forget(world)
            world.run("pass")
        assert world.trace == once("flow 1", "flow 2")
        assert world.subjects() == Counter(["flow #1: Succeeded", "flow #2: Succeeded"])

    def test_a_pass_that_was_killed_left_no_copy_and_its_runs_are_carried_on(self, world):
        world.want("1", "flow")
        process = world.start("pass")
        until(lambda: world.trace["flow 1 first"])
        process.kill()
        process.communicate()
        self.forget(world)
        world.go.touch()
        world.run("pass")
        assert (world.trace, world.subjects()) == (once("flow 1"), Counter(["flow #1: Succeeded"]))

    def test_a_copy_is_stored_while_a_long_pass_is_at_work(self, world):
        world.want("1", "flow")
        process = world.start("pass", "--state-snapshot-interval", "100ms")
        copy = world.root / "store/state/reconciler/0-of-1.db"
        until(lambda: copy.exists() and self._runs(copy) == 1)
        world.go.touch()
        process.communicate()
        assert process.returncode == 0
        assert self._runs(copy, "Succeeded") == 1

    def _runs(self, copy: Path, phase: str = "%") -> int:
        connection = sqlite3.connect(copy)
        try:
            return connection.execute("SELECT count(*) FROM runs WHERE phase LIKE ?", (phase,)).fetchone()[0]
        finally:
            connection.close()

    def test_without_the_ledger_a_copy_is_not_trusted(self, world):
        """It may be old, and nothing else would tell."""
        world.go.touch()
        world.want("1", "flow")
        world.run("pass")
        self.forget(world)
        world.want("2", "flow")
        printed = world.run("pass", "--ledger-url", str(world.root / "nowhere"), code=1)
        assert "Could not fetch 'runs'" in printed
        assert world.trace == once("flow 1")
