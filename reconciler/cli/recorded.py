"""Runs as the state remembers them, found by what a person types; read while a pass may be writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

from reconciler import composition
from reconciler.core.suggest import did_you_mean
from reconciler.errors import ReconcilerError, SettingsError, StateError
from reconciler.model.run import Run
from reconciler.reconcile.publishing import links
from reconciler.settings import Settings
from reconciler.state.store import State

NO_STATE_HINT = (
    "`reconciler pass` makes it, `reconciler rebuild` reads it back from the ledger; "
    "the branch of the ledger holds the history too: `git log runs`."
)


DIGITS = 18
"""What fits into SQLite's integers, and into an int without asking how long its text is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run as it was asked for (no number: the newest), and what was said besides."""

    workflow: str
    number: int | None
    rest: tuple[str, ...]


@contextmanager
def recorded(settings: Settings) -> Iterator[State]:
    """The state, read only; StateError says what to do when there is none."""
    if not composition.has_state(settings):
        raise StateError(f"There is no state at {composition.state_path(settings)}.", hint=NO_STATE_HINT)
    with composition.open_state(settings, read_only=True) as state:
        yield state


def asked(words: Sequence[str], most: int) -> Asked:
    """`train`, `train 12`, `train#12` or `train #12`, and at most `most` further words."""
    workflow, hash_sign, number = words[0].partition("#")
    rest = [number] if hash_sign else []
    rest += words[1:]
    chosen = None
    if rest and (digits := rest[0].removeprefix("#")).isdecimal() and digits.isascii():
        if len(digits) > DIGITS:
            raise ReconcilerError(
                f"There is no run {workflow} #{digits[:DIGITS]}...: no number is that large."
            )
        chosen = int(digits)
        rest = rest[1:]
    if len(rest) > most:
        raise click.UsageError(f"Got unexpected words: {' '.join(rest[most:])}")
    return Asked(workflow, chosen, tuple(rest))


def find_run(state: State, wanted: Asked) -> Run:
    """The run; a ReconcilerError that says what there is instead."""
    if wanted.number is not None:
        run = state.run(wanted.workflow, wanted.number)
    else:
        run = state.latest(wanted.workflow)
    if run is not None:
        return run
    last = state.last_number(wanted.workflow)
    if last:
        raise ReconcilerError(f"There is no run {wanted.workflow} #{wanted.number}; the newest is #{last}.")
    guess = did_you_mean(wanted.workflow, state.last_numbers())
    hint = "`reconciler runs` lists the runs, `reconciler plan` what would run."
    raise ReconcilerError(f"No run of a workflow called '{wanted.workflow}' is known.{guess}", hint=hint)


def linking(settings: Settings) -> Callable[[Run], dict[str, str]]:
    """How to find the addresses of what a run left; none where the store's settings are incomplete."""
    try:
        store = composition.open_artifacts(settings)
    except SettingsError:
        return lambda run: {}
    return lambda run: links(store.link, run)
