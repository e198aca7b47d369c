"""`make bench-cluster`: pods by the thousand on simulated nodes, beside a bare client in the same run.

python -m tests.benchmarks.cluster [--only gap|workflows|chains|fan|live]... [--quick] [--rounds N]

API server, etcd, scheduler, controllers and the simulated nodes share the processors with what is measured,
for both alike. The two take turns; the better round of each counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.cluster_load import Load, Measured, by_client, by_pass, live
from tests.benchmarks.table import Goal, Row, show
from tests.cluster.bed import cluster as beds
from tests.cluster.bed.cluster import Cluster

NODES = 12
FAST_ENOUGH = Goal(0.8, least=True)
GAP = Goal(150, "ms")
FEW = Goal(8, "requests")
CLIENT = "bare client"
PARTS = ("gap", "workflows", "chains", "fan", "live")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cluster")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the pods")
    parser.add_argument("--rounds", type=int, default=2, help="how often each load is carried out (2)")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name,
        beds.simulated("bench", NODES) as cluster,
    ):
        found: list[Row] = []
        wanted = chosen.only or PARTS
        for row in rows(cluster, Path(name), wanted, 10 if chosen.quick else 1, chosen.rounds):
            peer = f", {row.peer_name} {row.peer:.3g}" if row.peer_name else ""
            print(f"{row.name}: {row.ours:.3g} {row.unit}{peer}", file=sys.stderr)
            found.append(row)
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, load at the end {load}\n")
    print(show(found))


def rows(cluster: Cluster, top: Path, wanted: Sequence[str], part: int, rounds: int) -> Iterator[Row]:
    """One row after the other; of each size the `part`th part."""
    _, observer = by_pass(cluster, top / "first", Load("one pod", 1))  # compiles, and shows what a pod is
    template = observer.template
    loads = {
        "gap": Load("one chain of 30", 1, 30),
        "workflows": Load(f"{1000 // part:,} workflows of one pod", 1000 // part),
        "chains": Load(f"{200 // part} chains of 5", 200 // part, 5),
        "fan": Load(f"one fan-out of {5000 // part:,}", 5000 // part, wide=True),
    }
    for name, load in loads.items():
        if name in wanted:
            ours, bare = compared(cluster, top, load, template, rounds)
            yield from (of_gaps(load, ours, bare, GAP) if name == "gap" else of_load(load, ours, bare))
    for steps in (100, 1_000, 10_000):
        if "live" in wanted and steps * part <= 10_000:
            yield from growth(cluster, top, steps)


def of_load(load: Load, ours: Measured, bare: Measured) -> Iterator[Row]:
    """How fast, and what it took."""
    count, what = (load.pods, "pods") if load.wide else (load.runs, "workflows")
    name, unit = load.name, f"{what}/min"
    yield Row(name, 60 * count / ours.seconds, CLIENT, 60 * count / bare.seconds, unit, FAST_ENOUGH)
    yield Row(f"{name}: processor", ours.cpu, CLIENT, bare.cpu, "s")
    yield Row(f"{name}: memory", ours.memory, CLIENT, bare.memory, "MiB")
    each, its = ours.requests / load.pods, bare.requests / load.pods
    yield Row(f"{name}: requests a pod, of everybody", each, CLIENT, its, "requests", FEW)
    yield Row(f"{name}: writes a pod", ours.own / load.pods, CLIENT, bare.own / load.pods, "requests")
    if ours.gaps:
        yield from of_gaps(load, ours, bare)


def of_gaps(load: Load, ours: Measured, bare: Measured, goal: Goal | None = None) -> Iterator[Row]:
    """From the news that a pod has ended to those that its successor was made."""
    yield Row(f"{load.name}: from end to successor, p50", ours.p50, CLIENT, bare.p50, "ms", goal)
    yield Row(f"{load.name}: from end to successor, p99", ours.p99, CLIENT, bare.p99, "ms", goal)


def growth(cluster: Cluster, top: Path, steps: int) -> Iterator[Row]:
    """What one more live step costs."""
    found = live(cluster, top / f"live-{steps}", steps)
    name = f"{steps:,} live steps"
    yield Row(f"{name}: processor to start one", 1000 * found.cpu_to_start / steps, unit="ms")
    yield Row(f"{name}: memory", found.memory, unit="MiB")
    yield Row(f"{name}: processor in 10 s of nothing", found.cpu_at_rest, unit="s")


def compared(
    cluster: Cluster, top: Path, load: Load, template: dict[str, object], rounds: int
) -> tuple[Measured, Measured]:
    """The best of each, who take turns."""
    ours: list[Measured] = []
    bare: list[Measured] = []
    for number in range(rounds):
        root = top / f"{load.runs}-{load.length}-{load.wide}-{number}"
        bare.append(by_client(cluster, root / "bare", load, template))
        ours.append(by_pass(cluster, root / "ours", load)[0])
    return min(ours, key=lambda each: each.seconds), min(bare, key=lambda each: each.seconds)


if __name__ == "__main__":
    main()
