"""For every test: in CI a skip is a failure, and what the crash tests counted is printed at the end."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.chance import examples

PROPERTY = "crash counts"
MEMORY = Path("/dev/shm")  # a trial makes hundreds of small files

settings.register_profile("house", parent=examples())  # for properties that say no number
settings.load_profile("house")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts in the background, and every child inherits it: what a test interrupts
    # with SIGINT would go on for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)

MAY_SKIP = (
    "root may",  # what only an ordinary user can try; CI is root
    "this executor has relative paths only",  # a case of the contract that does not concern it
    "podman",  # containers in containers are not to be had everywhere
)
"""Reasons that count in CI too. Whatever else is needed, CI installs; a skip would hide that it did not."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI, turn a skip for any other reason into a failure."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(call.excinfo.value)
        if not any(each in reason for each in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"skipped, which in CI is a failure: {reason}"
    return report


def pytest_terminal_summary(terminalreporter):
    counts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown" or hasattr(report, "user_properties"):
                for name, value in getattr(report, "user_properties", ()):
                    if name == PROPERTY:
                        counts.update(value)
    if counts:
        terminalreporter.section("what the crash tests did")
        for name, value in sorted(counts.items()):
            terminalreporter.line(f"{value:>7} {name}")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory for one test, in memory where the machine allows it."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(prefix="reconciler-crash-", dir=MEMORY))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """What a test counts; printed when all tests have ended, whether they passed or not."""
    counts: Counter[str] = Counter()
    yield counts
    record_property(PROPERTY, dict(counts))
