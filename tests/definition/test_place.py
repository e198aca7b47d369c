"""Where a problem is said to be: in every style of notation, the place where the thing was written."""

from __future__ import annotations

import pytest

from reconciler.definition import check_text
from reconciler.definition.place import Places
from reconciler.definition.words import Path

TEXT = """\
# a comment
one: &one {a: 1, "b": [x, 'y', &z z]}
two:
  - c: *one
    d: |
      first ${{ open
      second ${{ here }}
  - <<: *one
    e: >-
      folded
      text ${{ there }}
    f: 'it''s ${{ f }}'
three:
  <<: [*one, {g: *z}]
  b: own
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), (2, 1), (2, 1)),
        (("one",), (2, 1), (2, 6)),
        (("one", "b"), (2, 18), (2, 23)),
        (("one", "b", 1), (2, 27), (2, 27)),
        (("two", 0), (4, 5), (4, 5)),
        (("two", 0, "c"), (4, 5), (4, 8)),
        (("two", 0, "c", "a"), (2, 12), (2, 15)),
        (("two", 1, "a"), (2, 12), (2, 15)),
        (("two", 1, "e"), (9, 5), (9, 8)),
        (("three", "g"), (14, 15), (14, 18)),
        (("three", "b"), (15, 3), (15, 6)),
        (("three", "a"), (2, 12), (2, 15)),
        (("three", "missing", "deeper"), (13, 1), (14, 3)),
    ],
)
def test_a_path_is_found_where_it_was_written(
    path: Path, key: tuple[int, int], value: tuple[int, int]
) -> None:
    places = Places(TEXT, 0)

    assert (places.key(path), places.value(path)) == (key, value)


@pytest.mark.parametrize(
    ("path", "text", "marker", "place"),
    [
        (("two", 0, "d"), "first ${{ open\nsecond ${{ here }}\n", "${{ here", (7, 14)),
        (("two", 0, "d"), "first ${{ open\nsecond ${{ here }}\n", "here", (7, 18)),
        (("two", 1, "e"), "folded text ${{ there }}", "there", (11, 16)),
        (("two", 1, "f"), "it's ${{ f }}", "f }", (12, 19)),
    ],
)
def test_a_place_inside_of_a_text_is_found_in_its_notation(
    path: Path, text: str, marker: str, place: tuple[int, int]
) -> None:
    assert Places(TEXT, 0).inside(path, text, text.index(marker)) == place


def test_places_of_a_later_document_are_those_in_the_file() -> None:
    text = "a: 1\n---\nb: 2\n--- {c: 3}\n"

    assert Places(text, text.index("---")).key(("b",)) == (3, 1)
    assert Places(text, text.rindex("---")).value(("c",)) == (4, 9)


def test_columns_count_characters_not_bytes() -> None:
    text = (
        "{apiVersion: reconciler/v1, kind: Workflow, metadata: {name: a, labels: {é€𝄞: a, b: ö🎈 }}, spec: 1}"
    )

    found = {(problem.line, problem.column) for problem in check_text(text.encode()).problems}

    assert found == {(1, text.index("é€") + 1), (1, text.index("ö") + 1), (1, text.index("1}") + 1)}


def test_a_mistake_in_an_anchor_is_told_once_however_often_it_is_used() -> None:
    uses = "".join(f"    s{n}: *base\n" for n in range(50))
    text = (
        "apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {name: a}\nspec:\n  steps:\n"
        f"    base: &base {{command: [x], tiemout: 5m}}\n{uses}"
    )

    assert [(p.line, p.column, p.code) for p in check_text(text.encode()).problems] == [(6, 32, "UnknownKey")]
