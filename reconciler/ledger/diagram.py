"""The steps of a run as a Mermaid graph, coloured by phase.

Hosts draw graphs of some hundred nodes and edges and refuse more, so a large run is drawn by level:
all steps with the same distance from the start as one box.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.model.run import Phase

NODES: Final = 150
EDGES: Final = 450
"""Mermaid refuses graphs of more than 500 edges."""

_signs: Final = {
    Phase.SUCCEEDED: "✓",
    Phase.FAILED: "✗",
    Phase.CANCELLED: "◼",
    Phase.SKIPPED: "○",
    Phase.RUNNING: "▶",
    Phase.PENDING: "…",
    Phase.SUSPENDED: "‖",
}
_colours: Final = {
    Phase.SUCCEEDED: "fill:#dafbe1,stroke:#1a7f37,color:#0f3d1d",
    Phase.FAILED: "fill:#ffebe9,stroke:#cf222e,color:#67060c",
    Phase.CANCELLED: "fill:#fff1e5,stroke:#bc4c00,color:#5c2200",
    Phase.SKIPPED: "fill:#f6f8fa,stroke:#8c959f,color:#424a53,stroke-dasharray:4 3",
    Phase.RUNNING: "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    Phase.PENDING: "fill:#ffffff,stroke:#8c959f,color:#424a53",
    Phase.SUSPENDED: "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
}
_worst_first: Final = (
    Phase.FAILED,
    Phase.CANCELLED,
    Phase.RUNNING,
    Phase.PENDING,
    Phase.SKIPPED,
    Phase.SUCCEEDED,
)

Node = tuple[str, Phase]
"""What stands in the box, and what it is coloured for."""


def graph(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """The Mermaid source; empty when there is nothing to draw, or too much even by level."""
    nodes = [
        (f"{_signs[Phase(step['phase'])]} {_label(name)}", Phase(step["phase"]))
        for name, step in steps.items()
    ]
    numbers = {name: number for number, name in enumerate(steps)}
    edges = [
        (numbers[need], numbers[name])
        for name, step in steps.items()
        for need in step.get("needs", [])
        if need in numbers
    ]
    if len(nodes) > NODES or len(edges) > EDGES:
        groups = _levels(len(nodes), edges)
        nodes = [_group(group, list(steps), nodes) for group in groups]
        edges = [(number, number + 1) for number in range(len(groups) - 1)]
    return _drawn(nodes, edges) if 0 < len(nodes) <= NODES else ""


def _drawn(nodes: Sequence[Node], edges: Iterable[tuple[int, int]]) -> str:
    used = sorted({phase for _, phase in nodes})
    return "\n".join(
        [
            "flowchart LR",
            *(f'  s{number}["{label}"]:::{phase.lower()}' for number, (label, phase) in enumerate(nodes)),
            *(f"  s{start} --> s{end}" for start, end in edges),
            *(f"  classDef {phase.lower()} {_colours[phase]}" for phase in used),
        ]
    )


def _levels(count: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Nodes by their longest way from a start; what stands in a circle is left out."""
    after: dict[int, list[int]] = {}
    waiting = Counter(end for _, end in edges)
    for start, end in edges:
        after.setdefault(start, []).append(end)
    level = [number for number in range(count) if not waiting[number]]
    levels = []
    while level:
        levels.append(level)
        reached = []
        for number in level:
            for end in after.get(number, []):
                waiting[end] -= 1
                if not waiting[end]:
                    reached.append(end)
        level = sorted(reached)
    return levels


def _group(group: Sequence[int], names: Sequence[str], nodes: Sequence[Node]) -> Node:
    if len(group) == 1:
        return nodes[group[0]]
    phases = Counter(nodes[number][1] for number in group)
    counts = ", ".join(f"{phases[phase]} {_signs[phase]}" for phase in _worst_first if phases[phase])
    label = f"{_label(names[group[0]])} ... {_label(names[group[-1]])}<br/>{len(group)} steps: {counts}"
    return label, next((phase for phase in _worst_first if phases[phase]), Phase.PENDING)


def _label(name: str) -> str:
    """A step's name; anything that Mermaid or HTML could act upon becomes a question mark."""
    return re.sub(r"[^A-Za-z0-9_-]", "?", name[:63])
