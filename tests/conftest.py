"""For every test: in CI a skip is a failure, and what the crash tests counted is printed at the end."""

from __future__ import annotations

import os
from collections import Counter

import pytest

PROPERTY = "crash counts"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """CI has everything that the tests need, or it must install it; there a skip hides a hole."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which in CI is a failure: {report.longrepr}"
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
