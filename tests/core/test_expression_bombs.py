"""Expressions that are made to take all time or memory end soon, with a sentence or a value.

Each runs in a process of its own with hard limits, because the library is C++: there, what goes wrong
is no exception.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import random, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from reconciler.core.expressions import ExpressionFailed, check, evaluate, Scope
random.seed(1)
def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value
values = {"parameters": {
    "text": "x" * 2**20,
    "ab": "".join(random.choices("ab", k=2**20)),
    "numbers": list(range(100_000)),
    "thousand": list(range(1000)),
    "most": list(range(2800)),
    "deep": deep(100_000),
    "rows": [{"name": "n" * 100, "tags": ["a", "b"]} for _ in range(1000)],
}}
scope = Scope({"text": "string", "ab": "string", "numbers": "list", "thousand": "list", "most": "list",
               "deep": "list", "rows": "list"})
source = eval(sys.argv[1])
for problem in check(source, scope).problems:
    print("problem:", problem.message)
try:
    evaluate(source, values, scope)
    print("value")
except ExpressionFailed as failed:
    print("failed:", failed.message)
"""


def outcome(source: str) -> str:
    """The last line that the evaluation of a source (itself Python that makes it) says."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, source], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1]


_HEAVY = "may take more than 16 MiB"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("\"['a']\" + '.map(x, x + x)' * 26", _HEAVY),
        ("\"[[1]]\" + '.map(x, x + x)' * 26", _HEAVY),
        ("\"[1]\" + '.map(x, [x, x])' * 26", _HEAVY),
        ("\"[1]\" + '.map(x, [x, x])' * 26 + ' == ' + \"[1]\" + '.map(x, [x, x])' * 26", _HEAVY),
        (
            "\"['a'].all(a, [a + a].all(b, [b + b + b].all(c, [\" + 'c,' * 900 + \"'d'].all(d, d != ''))))\"",
            _HEAVY,
        ),
        ("'+'.join(['parameters.text'] * 17)", _HEAVY),
        ("'[' + ','.join(['parameters.text'] * 100) + ']'", _HEAVY),
        ("'parameters.numbers.map(x, x)'", _HEAVY),
        ("'parameters.numbers.all(x, x >= 0)'", "loops more than 10,000 times"),
        (
            "'parameters.thousand.all(x, parameters.thousand.all(y, x != y + 5000))'",
            _HEAVY,
        ),
        ("'parameters.thousand.map(x, parameters.thousand.map(y, x))'", _HEAVY),
        ("'parameters.thousand.map(x, parameters.text)'", _HEAVY),
        ("'parameters.thousand.map(x, parameters.text.size())'", _HEAVY),
        (
            "'[1,2,3,4,5,6,7,8,9,0].map(a, ' * 3 + '[1,2,3,4,5,6,7,8,9,0].map(e, 1)' + ')' * 3",
            "loops more than 10,000 times",
        ),
        ("'[1,2,3,4,5,6,7,8,9,0].map(a, ' * 9 + '1' + ')' * 9", "more than 4 deep"),
        ("'parameters.deep.size()'", "nested deeper than 64 levels"),
        ("'(' * 4000", "nested too deeply"),
        ("'[' * 4000", "nested too deeply"),
        ("'!' * 4000 + 'true'", "value"),
        ("'-' * 4000", "failed"),
        ("'true' + ' ? true : false' * 200", "failed"),
        ("'1' + ' + 1' * 900", "nested too deeply"),
        ("'true' + '&&true' * 600", "value"),
        ("'parameters.ab.matches(\"[ab]*a[ab]{900}c\")'", _HEAVY),
        ("'parameters.ab.matches(\"(a*)*c\")'", _HEAVY),
        ("'parameters.ab.matches(\"c\")'", _HEAVY),
        ("\"'\" + 'ab' * 500 + \"'.matches('((a{1,30}){1,30}b?){1,1}c')\"", "value"),
        ("\" || \".join(\"'a'.matches('((((.{30}){30})))%d')\" % n for n in range(20))", "value"),
    ],
)
def test_a_bomb_ends_soon(source: str, said: str) -> None:
    assert said in outcome(source)


@pytest.mark.parametrize(
    "source",
    [
        "'parameters.most.map(x, x + 1).size()'",
        "'parameters.rows.map(r, r.name)'",
        '\'parameters.rows.filter(r, r.name.startsWith("n")).map(r, {"name": r.name})\'',
        "'parameters.rows.map(r, r.tags.map(t, \"tag-\" + t))'",
        "'parameters.text + parameters.text'",
        "'[parameters.text, parameters.text]'",
    ],
)
def test_an_honest_expression_on_much_data_is_no_bomb(source: str) -> None:
    assert outcome(source) == "value"
