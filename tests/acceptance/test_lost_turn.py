"""A pass that loses its turn in mid-work writes nothing more; the next one finds all as it was left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reconciler import composition, turn
from reconciler.core.shard import Layout
from reconciler.errors import EXIT_LOST, LeaseLost
from reconciler.reconcile import events, passes
from reconciler.settings import Settings, read_settings
from tests.place import Place

FLOW = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: flow}
spec:
  steps:
    first: {command: [sh, -c, 'echo first >> TRACE']}
    second: {needs: [first], command: [sh, -c, 'echo second >> TRACE']}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.push(flow=FLOW.replace("TRACE", str(tmp_path / "trace")))
    return place


class Loss:
    """Takes the turn away when an event of `kind` is told."""

    def __init__(self, kind: events.Kind) -> None:
        self.kind = kind
        self.lost = False
        self.after: list[str] = []

    def notify(self, event: events.Event) -> None:
        if self.lost:
            self.after.append(event.text)
        self.lost = self.lost or event.kind is self.kind

    def check(self) -> None:
        if self.lost:
            raise LeaseLost("this pass lost the Lease and stops writing")


def carry_on(settings: Settings, loss: Loss) -> None:
    ours = turn.Turn(Layout(1), loss.check)
    with composition.open_edges(settings, loss.notify, ours) as (edges, remote):
        passes.run_pass(
            edges,
            remote,
            settings.repository.path,
            composition.limits(settings),
            composition.budget(settings),
        )


@pytest.mark.parametrize(
    "kind",
    [events.Kind.RUN_STARTED, events.Kind.ATTEMPT_STARTED, events.Kind.RUN_ENDED, events.Kind.PUBLISHED],
)
def test_nothing_is_written_after_the_loss_and_nothing_runs_twice(place, tmp_path, kind):
    settings = read_settings(environ=place.env)
    loss = Loss(kind)
    with pytest.raises(LeaseLost) as caught:
        carry_on(settings, loss)
    assert caught.value.exit_code == EXIT_LOST
    assert loss.after == []
    if kind is not events.Kind.PUBLISHED:
        assert place.history() == []
    place.run("pass")
    assert Counter((tmp_path / "trace").read_text().split()) == Counter(["first", "second"])
    assert [subject.split(" in ")[0] for subject in place.history()] == ["flow #1: Succeeded"]
