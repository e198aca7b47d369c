"""Files that were made to hurt: each is refused with a problem, within bounds, and stops no other file.

The numbers are rows of the threat table. What is asserted besides the bounds is that every such file has a
problem, so that nothing hostile runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.definition import MAX_SIZE, check_text, too_large
from tests.definition import limited

LANGUAGE = "apiVersion: reconciler/v1\nkind: Workflow\n"
HEAD = f"{LANGUAGE}metadata: {{name: hostile}}\nspec:\n"
GOOD = HEAD.replace("hostile", "good").encode() + b"  steps: {a: {command: [x]}}\n"


def bomb(levels: int, width: int, leaf: str = "lol") -> str:
    """Each level names the one before `width` times."""
    lines = [f"a0: &a0 [{', '.join([leaf] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def merge_bomb(levels: int) -> str:
    lines = ["m0: &m0 {x: 1}"]
    lines += [
        f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: *m{n - 1}, l{n}: *m{n - 1}}}"
        for n in range(1, levels)
    ]
    return "\n".join(lines) + "\n"


def test_row_07_alias_bombs_are_refused(tmp_path: Path) -> None:
    files = {
        "lists": bomb(9, 9),
        "long-lists": bomb(40, 2),
        "mappings": "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}\n" for n in range(1, 30)),
        "merges": merge_bomb(40),
        "text": f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 10_000)}]\n",
        "keys": "a: &a {"
        + ", ".join(f"{'k' * 200}{n}: 1" for n in range(1000))
        + "}\n"
        + "b: ["
        + "*a, " * 5000
        + "]\n",
        "in-a-workflow": HEAD + "  parameters:\n" + bomb(9, 9).replace("\n", "\n    ").join(["    ", ""]),
        "depth": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)),
        "cycle": "a: &a [*a]\n",
        "cycle-through-keys": "a: &a {b: {c: *a}}\n",
        "merged-cycle": "a: &a {<<: *a}\n",
    }

    found = limited.check(tmp_path, {name: text.encode() for name, text in files.items()})

    assert all(found.values())
    assert found["cycle"] == [":1:8: $: The alias 'a' stands inside of what it names."]


def test_row_07_aliases_in_honest_numbers_are_fine() -> None:
    steps = "".join(f"    s{n}: {{<<: *base, needs: [base]}}\n" for n in range(2000))
    text = HEAD + "  steps:\n    base: &base {command: [x], retry: {limit: 1}, timeout: 5m}\n" + steps

    assert check_text(text.encode()).problems == ()


@pytest.mark.parametrize("unit", ["[", "{", "- ", "{a: ", "? ", "[a, ", "[{", "- - ", "!t [", "&a ["])
def test_row_08_deep_nesting_is_refused(tmp_path: Path, unit: str) -> None:
    files = {
        "short": unit * (30_000 // len(unit)),
        "long": unit * ((MAX_SIZE - 100) // len(unit)),
        "below": HEAD + "  steps: " + unit * 30_000,
        "closed": unit * 30_000 + "]" * 30_000,
    }

    found = limited.check(tmp_path, {name: text.encode() for name, text in files.items()})

    assert all(found.values())


def test_row_08_nesting_by_indentation_is_one_problem(tmp_path: Path) -> None:
    text = "".join(f"{' ' * depth}a:\n" for depth in range(1400))

    found = limited.check(tmp_path, {"file": text.encode()})

    assert found["file"] == [":65:65: $: Values are nested deeper than 64 levels."]


def test_row_08_scanning_takes_no_quadratic_time(tmp_path: Path) -> None:
    size = MAX_SIZE // 4
    files = {
        "documents": "---\n" * (size // 4),
        "broken-documents": "--- [\n" * (size // 6),
        "ended-documents": "...\n" * (size // 4),
        "anchors": "&a " * (size // 3),
        "tags": "!a " * (size // 3),
        "questions": "? a\n" * (size // 4),
        "keys": "".join(f"k{n}: {n}\n" for n in range(size // 15)),
        "keys-on-one-line": "{" + "a: 1, " * (size // 6),
        "commas": "[" + "a," * (size // 2),
        "colons": "a:" * (size // 2),
        "quotes": '"' * size,
        "one-quote": '"' + "a" * size,
        "escapes": '"' + "\\n" * (size // 2) + '"',
        "percent": "%" * size,
        "spaces": " " * size + "x",
        "lines": "\n" * size,
        "comments": "#\n" * (size // 2),
        "plain": "a " * (size // 2),
        "block": "a: |\n" + "  x\n" * (size // 4),
        "block-blank": "a: |\n" + "\n" * size + " x",
        "stars": "*a " * (size // 3),
        "braces": "${{" * (size // 3),
        "dashes": "-\n" * (size // 2),
        "unknown-aliases": "[" + "*abc," * (size // 5) + "]",
        "numbers": "[" + "1," * (size // 2) + "]",
    }

    found = limited.check(tmp_path, {name: text.encode() for name, text in files.items()}, seconds=60)

    silent = {name for name, problems in found.items() if not problems}
    assert silent == {"documents", "ended-documents", "lines", "comments"} & silent


def test_row_09_every_exception_of_the_parser_is_a_problem() -> None:
    files = [
        *("9" * 5000, "-" + "9" * 5000, "a: " + "1" * 4301, "2026-13-45", "2026-01-01T00:00:00+99:99"),
        *(
            "!!int x",
            '!!int ""',
            "!!bool x",
            "!!timestamp x",
            "!!float x",
            "!!binary x",
            "!!null x",
            "!!set {a}",
        ),
        *(
            "!!omap [a]",
            "!!pairs [a]",
            "!!python/object/apply:os.system [id]",
            "!!python/name:os.system",
            "! x",
        ),
        *(
            "=",
            "<<",
            "<<: 1",
            "{<<: [1]}",
            "? {a: b}\n: c",
            "[a]: b",
            "*a : b",
            "*a",
            "&a",
            "&a &b c",
            "a: &a",
        ),
        *("1e999", ".inf", "-.INF", ".nan", "1:30", "0o777", "0x", "0b", "1__", "+", "-", ".", "e"),
        *(
            '"\\ud800"',
            '"\\udfff\\ud800"',
            '"\\x"',
            '"\\0"',
            "'",
            '"',
            "|",
            ">",
            "|9\n a",
            "@",
            "`",
            "%",
            "%YAML 9",
            "\t",
        ),
        *(
            "a:\n\t- b",
            "a: b: c",
            "a\nb: c",
            "{",
            "}",
            "[",
            "]",
            ",",
            "[,]",
            "{,}",
            "!<",
            "!<>",
            "!",
            "&",
            "*",
        ),
        *(
            "--- |",
            "--- >",
            "---\n...\n...",
            "...",
            "a\n---\nb: [\n---\nc",
            "\ufeff",
            "a\ufeff",
            "\u2028",
            "\x85",
        ),
    ]

    harmless = (
        "&a",
        "...",
        "---\n...\n...",
        "--- |",
        "--- >",
        "\ufeff",
    )  # documents without anything in them

    for text in files:
        verdict = check_text(text.encode("utf-8", "surrogatepass"))
        assert verdict.documents == (), text
        assert verdict.problems or text in harmless, text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfea\x00", "UTF-16"),
        (b"\xfe\xff\x00a", "UTF-16"),
        ("kind: Workflow".encode("utf-16"), "UTF-16"),
        ("kind: Workflow".encode("utf-32"), "UTF-16"),
        (b"a: \xe9", "not UTF-8"),
        (b"a: \xed\xa0\x80", "not UTF-8"),
        (b"a: b\0c", "A NUL character"),
        (b"a: b\rkind: Other", "A carriage return"),
        ("a: \u202eb".encode(), "U+202E"),
        ("a: \x85b".encode(), "U+0085"),
        (b"a: \x1b[31m", "U+001B"),
        ("a: \ufeffb".encode(), "A byte order mark"),
    ],
)
def test_row_10_text_that_is_not_what_it_seems_is_refused(data: bytes, said: str) -> None:
    verdict = check_text(data)

    assert [said in problem.message for problem in verdict.problems] == [True]
    assert (verdict.problems[0].line, verdict.documents) == (1, ())


def test_row_10_a_byte_order_mark_at_the_beginning_is_no_matter() -> None:
    assert check_text(b"\xef\xbb\xbf" + GOOD).problems == ()


def test_row_11_a_file_of_50_megabytes_is_refused_unread(tmp_path: Path) -> None:
    found = limited.check(tmp_path, {"file": b"a" * 50_000_000}, seconds=5)

    what = "The file is larger than 1024 KiB, the most that a definition may be"
    message = f"{what}: make several of it, or raise `limits.file_bytes`."
    assert found["file"] == [f":1:1: $: {message}"]
    (problem,) = too_large().at("workflows/big.yaml").problems
    assert str(problem) == f"workflows/big.yaml:1:1: $: {message}"


def test_row_12_one_bad_file_of_each_kind_stops_no_good_one(tmp_path: Path) -> None:
    bad = {
        "bad-syntax": b"a: [",
        "bad-depth": b"[" * 30_000,
        "bad-bytes": b"\xff\xfe\x00",
        "bad-bomb": bomb(9, 9).encode(),
        "bad-size": b"a" * (MAX_SIZE + 1),
        "bad-schema": HEAD.encode() + b"  steps: 5\n",
        "bad-sense": HEAD.encode() + b"  steps: {a: {command: [x], needs: [b]}}\n",
        "bad-cron": HEAD.encode() + b"  on: {schedule: [{cron: 99 * * * *}]}\n  steps: {a: {command: [x]}}\n",
        "bad-tag": b"!!python/object/apply:os.system [id]\n",
    }
    good = {f"good-{number}": GOOD for number in range(100)}

    found = limited.names(tmp_path, {**bad, **good})

    assert {name for name, names in found.items() if names == ["good"]} == good.keys()
    assert all(found[name] == [] for name in bad)


def test_row_12_a_bad_document_stops_no_other_in_its_file() -> None:
    text = "---\n".join(
        [GOOD.decode(), "a: [\n", GOOD.decode().replace("good", "better"), "[" * 100 + "\n", "a: 1\n"]
    )

    verdict = check_text(text.encode())

    assert [checked.name for checked in verdict.documents] == ["good", "better"]
    assert [problem.line for problem in verdict.problems] == [8, 15, 17, 17, 17, 17, 17]


def test_row_19_no_message_can_steer_a_terminal() -> None:
    steps = '  steps: {a: {"\\x9b": 1, command: ["${{ `\\e` }}"], needs: ["\\e"]}}\n'
    text = HEAD + '  "\\e[31m\\e]0;x\\a\\u202e\\r\\n": 1\n' + steps

    shown = "\n".join(str(problem) for problem in check_text(text.encode()).problems)

    assert shown
    assert all(c == "\n" or c.isprintable() for c in shown), ascii(shown)


def test_ten_thousand_steps_are_fine(tmp_path: Path) -> None:
    steps = "".join(
        f"    s{n}: {{command: [x, '${{{{ run.id }}}}'], needs: [s{max(0, n - 1)}]}}\n"
        for n in range(1, 10_000)
    )
    text = HEAD + "  steps:\n    s0: {command: [x]}\n" + steps

    assert limited.names(tmp_path, {"file": text.encode()}, seconds=20) == {"file": ["hostile"]}


def test_ten_thousand_and_one_steps_are_too_many(tmp_path: Path) -> None:
    text = HEAD + "  steps:\n" + "".join(f"    s{n}: {{command: [x]}}\n" for n in range(10_001))

    found = limited.check(tmp_path, {"file": text.encode()}, seconds=20)

    assert found["file"] == [":6:5: $.spec.steps: May have at most 10000 entries, and has 10001."]


def test_a_cycle_of_5000_steps_is_one_problem(tmp_path: Path) -> None:
    text = (
        HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{command: [x], needs: [s{(n + 1) % 5000}]}}\n" for n in range(5000))
    )

    found = limited.check(tmp_path, {"file": text.encode()})

    circle = "s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> … -> s4999 -> s0 (5000 steps)"
    assert found["file"] == [f":6:5: $.spec.steps.s0: These steps wait for each other: {circle}."]


def test_problems_without_number_are_found_in_bounded_time(tmp_path: Path) -> None:
    files = {
        "unknown-keys": HEAD + "".join(f"  key{n}: 1\n" for n in range(60_000)),
        "unknown-keys-of-steps": HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{comand: [x]}}\n" for n in range(5_000)),
        "unknown-needs": HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{command: [x], needs: [t{n}]}}\n" for n in range(5_000)),
        "wrong-types": HEAD + "  steps:\n" + "".join(f"    s{n}: 1\n" for n in range(5_000)),
        "wrong-names": HEAD + "  steps:\n" + "".join(f"    S{n}: {{command: [x]}}\n" for n in range(5_000)),
        "one-typo": HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{comma{'' if n == 7 else 'n'}d: [x]}}\n" for n in range(5_000)),
        "typo-above": HEAD + "  stpes:\n" + "".join(f"    s{n}: {{command: [x]}}\n" for n in range(5_000)),
        "duplicates": HEAD + "  steps:\n" + "    s: {command: [x]}\n" * 5_000,
        "expressions": HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{command: [x], when: 'steps.t{n}.phase'}}\n" for n in range(5_000)),
        "cycles": HEAD
        + "  steps:\n"
        + "".join(f"    s{n}: {{command: [x], needs: [s{n ^ 1}]}}\n" for n in range(5_000)),
        "schedules": HEAD
        + "  steps: {a: {command: [x]}}\n  on:\n    schedule:\n"
        + "".join(f"      - {{cron: '0 0 30 2 {n % 7}', timezone: No/Where{n}}}\n" for n in range(100)),
        "paths": HEAD
        + "  steps:\n    a:\n      image: x\n      outputs:\n        artifacts:\n"
        + "".join(f"          a{n}: {{path: {'/a' * (200 - n)}}}\n" for n in range(200)),
    }

    found = limited.check(tmp_path, {name: text.encode() for name, text in files.items()}, seconds=90)

    assert all(found.values())
    assert found["one-typo"] == [
        ":13:10: $.spec.steps.s7.commad: Unknown key 'commad'. Did you mean 'command'?"
    ]
    assert found["typo-above"] == [":5:3: $.spec.stpes: Unknown key 'stpes'. Did you mean 'steps'?"]
    assert max(map(len, found.values())) <= 301


def test_row_13_no_pattern_of_the_schema_takes_long(tmp_path: Path) -> None:
    """Long strings, made to make a backtracking matcher go back, in every field that has a pattern."""
    strings = ["a" * 900_000, "a-" * 450_000, "0" * 900_000, "a/" * 450_000, "* " * 450_000, "${" * 450_000]
    fields = [
        "metadata: {{name: {0}}}",
        "metadata: {{name: a, labels: {{b: {0}}}}}",
        "spec: {{on: {{schedule: [{{cron: {0}}}]}}}}",
        "spec: {{on: {{schedule: [{{cron: '@daily', timezone: {0}}}]}}}}",
        "spec: {{on: {{paths: [{0}]}}}}",
        "spec: {{timeout: {0}}}",
        "spec: {{parameters: {{a: {{pattern: {0}}}}}}}",
        "spec: {{steps: {{a: {{image: {0}}}}}}}",
        "spec: {{steps: {{a: {{needs: [{0}]}}}}}}",
        "spec: {{steps: {{a: {{when: {0}}}}}}}",
        "spec: {{steps: {{a: {{outputs: {{artifacts: {{b: {{path: {0}}}}}}}}}}}}}",
        "spec: {{steps: {{a: {{outputs: {{artifacts: {{b: {{path: c, contentType: {0}}}}}}}}}}}}}",
        "spec: {{steps: {{a: {{inputs: {{artifacts: {{b: {{path: c, from: {0}}}}}}}}}}}}}",
        "spec: {{outputs: {{parameters: {{b: {0}}}}}}}",
    ]
    files = {
        f"{number}-{at}": f"{LANGUAGE}{field.format(repr(string))}\n".encode()
        for number, string in enumerate(strings)
        for at, field in enumerate(fields)
    }

    found = limited.check(tmp_path, files, seconds=60)

    assert all(found.values())


def test_row_13_patterns_and_paths_of_authors_take_linear_time(tmp_path: Path) -> None:
    cruel = "(a*)*" * 50 + "b"
    glob = "*a" * 100 + "b"
    text = f"""{HEAD}  on: {{paths: ['{glob}', '{"**/" * 60}x', '{"[a-z]*" * 30}']}}
  parameters: {{p: {{default: {"a" * 10_000}, pattern: {cruel!r}}}}}
  steps: {{a: {{command: [x]}}}}
"""
    assert limited.check(tmp_path, {"file": text.encode()})["file"] != []


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "%2e%2e", "A", "é", "e\u0301", "-x", "--upload-pack=x", "a" * 64, "a b", "", ".", "a\n"],
)
def test_row_14_names_that_could_leave_their_place_are_refused(name: str) -> None:
    quoted = '"' + name.replace("\n", "\\n") + '"'
    for where in ("metadata", "steps", "needs"):
        text = {
            "metadata": f"metadata: {{name: {quoted}}}\nspec: {{steps: {{a: {{command: [x]}}}}}}\n",
            "steps": f"metadata: {{name: a}}\nspec: {{steps: {{{quoted}: {{command: [x]}}}}}}\n",
            "needs": f"metadata: {{name: a}}\nspec: {{steps: {{a: {{command: [x], needs: [{quoted}]}}}}}}\n",
        }[where]
        verdict = check_text((LANGUAGE + text).encode())

        assert (verdict.documents, len(verdict.problems)) == ((), 1), where


def test_row_14_names_that_differ_in_case_alone_are_refused() -> None:
    outputs = "outputs: {artifacts: {model: {path: a}, Model: {path: b}}}"
    text = HEAD + f"  steps: {{a: {{command: [x], {outputs}}}}}\n"

    assert [str(problem) for problem in check_text(text.encode()).problems] == [
        ":5:69: $.spec.steps.a.outputs.artifacts.Model: "
        "'Model' and 'model' differ in case alone, which not every store keeps apart."
    ]


@pytest.mark.parametrize(
    "field",
    [
        *("hostPath", "hostNetwork", "hostPID", "privileged", "nodeName", "ownerReferences", "podSpec"),
        *("envFrom", "initContainers", "containers", "shareProcessNamespace", "hostUsers"),
        *("automountServiceAccountToken", "capabilities", "allowPrivilegeEscalation", "seccompProfile"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "{{command: [x], {0}: x}}",
        "{{command: [x], pod: {{{0}: x}}}}",
        "{{command: [x], pod: {{securityContext: {{{0}: x}}}}}}",
        "{{command: [x], pod: {{sidecars: [{{name: b, image: b, {0}: x}}]}}}}",
        "{{command: [x], pod: {{volumes: [{{name: b, mountPath: /b, emptyDir: {{}}, {0}: x}}]}}}}",
    ],
)
def test_row_15_no_field_asks_for_a_privilege(field: str, place: str) -> None:
    text = HEAD + f"  steps: {{a: {place.format(field)}}}\n"

    assert [problem.code for problem in check_text(text.encode()).problems] == ["UnknownKey"]
