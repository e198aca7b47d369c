"""The questions of `reconciler doctor`, one function each; none stops the others from being asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from reconciler import branches, composition
from reconciler.errors import LockHeld, ReconcilerError
from reconciler.executors.configured import local_options
from reconciler.executors.local.ways import INSTALL, Ways, find_bubblewrap
from reconciler.git import probe
from reconciler.git.access import GitAccess
from reconciler.settings import Settings
from reconciler.state.lock import PassLock


class Verdict(StrEnum):
    """How a check ended; only FAIL keeps a pass from its work."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question; `hint` says what to do."""

    verdict: Verdict
    subject: str
    text: str
    hint: str = ""


T = TypeVar("T")
Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which a pass would meet the things."""
    for subject, check in CHECKS.items():
        try:
            yield from check(settings)
        except ReconcilerError as error:
            yield Finding(Verdict.FAIL, subject, error.message, error.hint)


def _git(settings: Settings) -> Iterator[Finding]:
    said, is_new_enough = probe.version()
    if is_new_enough:
        yield Finding(Verdict.OK, "git", said)
    else:
        wanted = ".".join(map(str, probe.OLDEST))
        yield Finding(
            Verdict.WARN, "git", f"{said} is older than {wanted}", f"Install git {wanted} or later."
        )


def _repository(settings: Settings) -> Iterator[Finding]:
    url, branch = settings.repository.url, settings.repository.branch
    if not url:
        hint = "Give --repository-url, set RECONCILER_REPOSITORY_URL, or write it into the file of --config."
        yield Finding(
            Verdict.FAIL, "repository", "repository.url is not set, so there is nothing to pull", hint
        )
        return
    tip = _ask(branches.source_access(settings), lambda remote: remote.tip())
    if tip is None:
        hint = f"Push to it: git push {url} HEAD:{branch}"
        yield Finding(Verdict.WARN, "repository", f"{url} has no branch '{branch}' yet", hint)
    else:
        yield Finding(Verdict.OK, "repository", f"{url} can be read; '{branch}' is at {tip[:12]}")


def _ledger(settings: Settings) -> Iterator[Finding]:
    if not settings.ledger.url:
        yield Finding(Verdict.WARN, "ledger", "not checked: it is the repository, which is not set")
        return
    _ask(branches.ledger_access(settings), lambda remote: remote.rehearse_push())
    place = f"branch '{settings.ledger.branch}' of {settings.ledger.url}"
    yield Finding(Verdict.OK, "ledger", f"runs may be pushed to the {place}")


def _ask(access: GitAccess, question: Callable[[probe.Remote], T]) -> T:
    with TemporaryDirectory(prefix="reconciler-") as directory:
        return question(probe.Remote(directory, access))


def _store(settings: Settings) -> Iterator[Finding]:
    yield Finding(Verdict.OK, "store", composition.open_artifacts(settings).check())


def _state(settings: Settings) -> Iterator[Finding]:
    directory = Path(settings.own_directory)
    if not _can_be_written(directory):
        hint = "Choose another one with --state-directory, or give this user the right to write."
        yield Finding(Verdict.FAIL, "state", f"{directory} cannot be written", hint)
    if not composition.has_state(settings):
        yield Finding(Verdict.OK, "state", f"none at {directory} yet; the first pass makes it")
        return
    with composition.open_state(settings, read_only=True) as state:
        wrong = state.check()
    for sentence in wrong:
        yield Finding(Verdict.FAIL, "state", sentence, "`reconciler rebuild` makes it anew from the ledger.")
    if not wrong:
        yield Finding(Verdict.OK, "state", f"{composition.state_path(settings)} is sound")


def _lock(settings: Settings) -> Iterator[Finding]:
    path = Path(settings.own_directory) / "lock"
    if not os.path.exists(path):  # noqa: PTH110  (pathlib raises where it may not look)
        return
    try:
        with PassLock(path, command="reconciler doctor"):
            yield Finding(Verdict.OK, "lock", "no pass is at work")
    except LockHeld as held:
        yield Finding(Verdict.OK, "lock", held.message)


def _executor(settings: Settings) -> Iterator[Finding]:
    return _cluster(settings) if settings.executor.name == "kubernetes" else _machine(settings)


def _cluster(settings: Settings) -> Iterator[Finding]:
    from reconciler.executors.kubernetes import checkup, configured  # brings the client of clusters

    options = configured.options(settings)
    yield Finding(Verdict.OK, "executor", f"steps run as pods, {options.slots} at once")
    for answer in checkup.look(options, settings.lease.namespace):
        bad = Verdict.FAIL if answer.is_needed else Verdict.WARN
        yield Finding(Verdict.OK if answer.is_well else bad, answer.subject, answer.text, answer.hint)


def _machine(settings: Settings) -> Iterator[Finding]:
    options = local_options(settings)
    ways = Ways(options, composition.attempts_directory(settings))
    host = ways.host
    slots = f"{options.slots} at once"
    if host.name != "plain" or options.isolation == "none":
        yield Finding(Verdict.OK, "executor", f"steps run locally ({host.name}), {slots}")
    else:
        _, lack = find_bubblewrap(options.path)
        text = f"steps run locally without isolation, {slots}: {lack}; absolute paths cannot be used"
        yield Finding(Verdict.WARN, "executor", text, INSTALL)
    if ways.engine:
        yield Finding(Verdict.OK, "images", f"images of steps run by {ways.engine.name}")
    else:
        why = "executor.images is none" if options.images == "none" else "neither podman nor docker answers"
        yield Finding(Verdict.OK, "images", f"commands run on the host whatever their image: {why}")


def _can_be_written(directory: Path) -> bool:
    """Whether files can be made there, or the directory itself."""
    there = next(place for place in (directory, *directory.parents) if os.path.exists(place))  # noqa: PTH110
    return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)  # noqa: PTH112


CHECKS: dict[str, Check] = {
    "git": _git,
    "repository": _repository,
    "ledger": _ledger,
    "store": _store,
    "state": _state,
    "lock": _lock,
    "executor": _executor,
}
