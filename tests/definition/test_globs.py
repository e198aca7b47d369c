"""Patterns for files of the repository."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.definition import globs, match

PATHS = [
    *("README.md", "a.py", "data/customers.csv", "data/2026/one.csv", "data/2026/two.csv", "data/.hidden"),
    *(
        "scripts/a.py",
        "scripts/lib/b.py",
        "scripts/lib/deep/c.py",
        "scripts2/d.py",
        "x/[1].txt",
        "x/1.txt",
        "x/ß.txt",
    ),
]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("README.md", ["README.md"]),
        ("readme.md", []),
        ("data", []),
        ("*.py", ["a.py"]),
        ("**/*.py", ["a.py", "scripts/a.py", "scripts/lib/b.py", "scripts/lib/deep/c.py", "scripts2/d.py"]),
        ("scripts/**", ["scripts/a.py", "scripts/lib/b.py", "scripts/lib/deep/c.py"]),
        ("scripts/*", ["scripts/a.py"]),
        ("scripts/**/*.py", ["scripts/a.py", "scripts/lib/b.py", "scripts/lib/deep/c.py"]),
        ("scripts/**/deep/*", ["scripts/lib/deep/c.py"]),
        ("**/lib/**", ["scripts/lib/b.py", "scripts/lib/deep/c.py"]),
        ("scripts*/*.py", ["scripts/a.py", "scripts2/d.py"]),
        ("data/*", ["data/.hidden", "data/customers.csv"]),
        ("data/**/*o*.csv", ["data/2026/one.csv", "data/2026/two.csv", "data/customers.csv"]),
        ("x/?.txt", ["x/1.txt", "x/ß.txt"]),
        ("x/[0-9].txt", ["x/1.txt"]),
        ("x/[!0-9].txt", ["x/ß.txt"]),
        ("x/[[]1].txt", ["x/[1].txt"]),
        ("**", sorted(PATHS)),
        ("**/**", sorted(PATHS)),
        ("nothing/**", []),
    ],
)
def test_a_pattern_matches(pattern: str, found: list[str]) -> None:
    assert match([pattern], PATHS) == found


def test_several_patterns_are_one_sorted_list() -> None:
    assert match(["scripts/*", "a.py", "scripts/a.py"], set(PATHS)) == ["a.py", "scripts/a.py"]


PARTS = st.lists(
    st.sampled_from(["a", "b", "*", "?", "**", "/", "ab", "[ab]", "[!a]"]), min_size=1, max_size=10
).map("".join)


@given(PARTS, st.lists(st.text("ab/", min_size=1, max_size=8), max_size=10))
def test_a_match_is_what_a_backtracking_matcher_finds(pattern: str, paths: list[str]) -> None:
    paths = [path for path in paths if "" not in path.split("/")]
    if globs.problem(pattern):
        return

    assert match([pattern], set(paths)) == sorted(
        {path for path in paths if naive(pattern.split("/"), path.split("/"))}
    )


def naive(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(path)  # a pattern that ends so stands for what is below
        return naive(pattern[1:], path) or (bool(path) and naive(pattern, path[1:]))
    return bool(path) and bool(re.fullmatch(simple(pattern[0]), path[0])) and naive(pattern[1:], path[1:])


def simple(name: str) -> str:
    return name.replace("*", ".*").replace("?", ".").replace("[!", "[^")
