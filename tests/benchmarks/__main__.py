"""`make bench`: measures, and prints ours beside the floor, the peer or the goal, from the same run.

python -m tests.benchmarks [--only passes|steps|history|artifacts]... [--quick]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks import artifacts, history, passes, steps
from tests.benchmarks.table import Row, show


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--only", action="append", choices=["passes", "steps", "history", "artifacts"])
    parser.add_argument("--quick", action="store_true", help="fewer workflows and runs; no artifacts")
    chosen = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a pass compiles itself once, not every time
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        top = Path(name)
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "passes": lambda: passes.rows(top, 1_000 if chosen.quick else 10_000),
            "steps": lambda: steps.rows(top),
            "history": lambda: history.rows(top, 10_000 if chosen.quick else 100_000),
            "artifacts": lambda: iter(()) if chosen.quick else artifacts.rows(),
        }
        found: list[Row] = []
        for part in chosen.only or parts:
            for row in parts[part]():
                peer = f", {row.peer_name} {row.peer:.3g}" if row.peer_name else ""
                print(f"{row.name}: {row.ours:.3g} {row.unit}{peer}", file=sys.stderr)
                found.append(row)
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, {platform.system()}\n")
    print(show(found))


if __name__ == "__main__":
    main()
