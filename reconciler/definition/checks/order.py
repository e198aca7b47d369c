"""Steps that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from reconciler.definition import template
from reconciler.definition.checks.subject import Subject
from reconciler.definition.finding import Finding

MAX_CYCLES = 10
_SHOWN = 8


def check(subject: Subject) -> Iterator[Finding]:
    """One finding per circle, at the first of its steps in the order of writing."""
    graph = {name: template.depends_on(step, subject.texts[name]) for name, step in subject.steps.items()}
    if _is_in_order(graph):
        return
    order = {name: index for index, name in enumerate(graph)}
    # steps that are not there, and steps that wait for themselves, are told of elsewhere
    graph = {
        name: {need for need in needs if need in graph and need != name} for name, needs in graph.items()
    }
    for _ in range(MAX_CYCLES):
        cycle = _cycle(graph)
        if not cycle:
            return
        first = min(range(len(cycle)), key=lambda index: order[cycle[index]])
        cycle = cycle[first:] + cycle[:first]
        yield Finding(("spec", "steps", cycle[0]), "Cycle", _sentence(cycle), at_key=True)
        for name in cycle:
            graph[name].clear()


def _is_in_order(graph: Mapping[str, set[str]]) -> bool:
    """Whether each step stands after those that it waits for, as people mostly write them."""
    seen: set[str] = set()
    for name, needs in graph.items():
        if not needs <= seen:
            return False
        seen.add(name)
    return True


def _cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """A circle in the graph, each step before the one that it waits for; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        around: list[str] = error.args[1]
        return around[:0:-1]
    return []


def _sentence(cycle: list[str]) -> str:
    shown = cycle if len(cycle) <= _SHOWN else [*cycle[: _SHOWN - 2], "…", cycle[-1]]
    count = f" ({len(cycle)} steps)" if len(cycle) > _SHOWN else ""
    return f"These steps wait for each other: {' -> '.join([*shown, cycle[0]])}{count}."
