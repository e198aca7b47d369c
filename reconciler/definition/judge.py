"""From the bytes of a file to a verdict: read, compare with the schema, ask the checks, look up places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from reconciler.definition import checks, document, schema, source
from reconciler.definition.builder import MAX_PROBLEMS, Document
from reconciler.definition.checks.doubt import Doubt
from reconciler.definition.finding import Finding
from reconciler.definition.place import Places
from reconciler.definition.verdict import Checked, Verdict
from reconciler.definition.words import show, where
from reconciler.model.problem import Problem, Severity


@dataclass(slots=True)
class _Judged:
    """One document and what was found in it; `text` is the whole file's."""

    text: str
    document: Document
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str | None:
        try:
            name = self.document.value["metadata"]["name"]
        except (TypeError, KeyError):
            return None
        return name if isinstance(name, str) else None

    @property
    def is_sound(self) -> bool:
        return all(problem.severity is Severity.WARNING for problem in self.problems)


def judge(data: bytes, limit: int) -> Verdict:
    """Everything wrong in the bytes of one file, and its documents that may run."""
    try:
        text = source.text_of(data, limit)
    except source.Unreadable as unreadable:
        return Verdict(problems=(unreadable.problem,))
    reading = document.read(text)
    judged = [_judge(text, each) for each in reading.documents if each.value is not None or each.problems]
    for one in _of_the_same_name(judged):
        one.problems.append(_name_problem(one, judged))
    problems = sorted([*reading.problems, *(problem for one in judged for problem in one.problems)])
    sound = [one for one in judged if one.is_sound]
    return Verdict(tuple(_sound(one) for one in sound), tuple(_capped(problems)))


def _sound(one: _Judged) -> Checked:
    read = one.document
    places = {"$.metadata.name": read.name} if read.name else {}
    for name, step in read.value["spec"]["steps"].items():
        for index, place in enumerate(read.lists.get(id(step.get("files")), ())):
            places[where(("spec", "steps", name, "files", index))] = place
    return Checked(read.value, read.value["metadata"]["name"], read.line, places)


def _judge(text: str, read: Document) -> _Judged:
    judged = _Judged(text, read)
    if read.problems or not schema.is_valid(read.value):
        judged.problems = _explain(text, read)
    elif findings := _checked(read.value):
        places = Places(text, read.start)
        judged.problems = _once(finding.placed(places) for finding in findings)
    return judged


def _checked(value: Any, doubt: Doubt | None = None) -> list[Finding]:
    return list(islice(checks.check(value, doubt), MAX_PROBLEMS + 1))


def _explain(text: str, read: Document) -> list[Problem]:
    """What is wrong in a document that does not fit the schema, or is not written well."""
    from reconciler.definition import explain  # only who has something to explain pays for it

    explained = explain.explain(read.value)
    places = Places(text, read.start)
    for path, name in explained.renamed:
        places.rename(path, name)
    problems = [finding.placed(places) for finding in explained.findings]
    if explained.rest is not None:
        for path in explained.removed:
            places.remove(path)
        doubt = Doubt.of(explained.lost, [finding.path for finding in explained.findings])
        problems += [finding.placed(places) for finding in _checked(explained.rest, doubt)]
    refused = {(problem.line, problem.column) for problem in read.problems}
    # what stands where a notation was refused would only follow from that
    others = (problem for problem in problems if (problem.line, problem.column) not in refused)
    return _once([*read.problems, *others])


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Each sentence once per place: an alias can bring the same words into many."""
    seen = {(problem.line, problem.column, problem.message): problem for problem in problems}
    return list(seen.values())


def _of_the_same_name(judged: list[_Judged]) -> Iterator[_Judged]:
    names = [one.name for one in judged]
    return (one for one in judged if one.name is not None and names.count(one.name) > 1)


def _name_problem(one: _Judged, judged: list[_Judged]) -> Problem:
    path = ("metadata", "name")
    others = [other.document.line for other in judged if other.name == one.name and other is not one]
    message = f"The workflow {show(one.name)} is also defined from line {others[0]} of this file on."
    return Finding(path, "DuplicateName", message).placed(Places(one.text, one.document.start))


def _capped(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= MAX_PROBLEMS:
        return problems
    message = f"There are more than {MAX_PROBLEMS} problems in this file; the others are not shown."
    return [*problems[:MAX_PROBLEMS], Problem("", 1, 1, "$", "TooManyProblems", message)]
