"""Pages: a function of the record, bounded, and nothing foreign in them is more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given

from reconciler.ledger import diagram, page
from reconciler.ledger.markdown import code, link, prose, word
from reconciler.ledger.record import to_record
from tests.chance import examples
from tests.ledger import sample
from tests.ledger.strategies import runs


@pytest.fixture(name="succeeded")
def a_run_that_succeeded():
    return next(record for record in sample.runs(["train"], 40) if record["phase"] == "Succeeded")


@pytest.fixture(name="failed")
def a_run_that_failed():
    return next(
        record for record in sample.runs(["churn", "ingest", "train"], 24) if record["phase"] == "Failed"
    )


def test_the_whole_page_of_a_failed_run(failed):
    customers = f"[prepare/customers](<{failed['store']['links']}prepare/1/artifacts/customers>)"
    assert page.render(failed).startswith(
        f"""\
# train #2

| Phase | **Failed** in 1m51s |
| --- | --- |
| Reason | StepFailed: step score: ExitCode: exit code 1 |
| Finished | `2026-11-02 04:36:33 UTC` |
| Trigger | `change` |
| Revision | `{failed["revision"][:12]}` |
| Definition | `workflows/train.yaml` |

## Steps

```mermaid
flowchart LR
  s0["✓ prepare"]:::succeeded
  s1["✓ train"]:::succeeded
  s2["✗ score"]:::failed
  s3["○ report"]:::skipped
  s0 --> s1
  s1 --> s2
  s2 --> s3
  classDef failed fill:#ffebe9,stroke:#cf222e,color:#67060c
  classDef skipped fill:#f6f8fa,stroke:#8c959f,color:#424a53,stroke-dasharray:4 3
  classDef succeeded fill:#dafbe1,stroke:#1a7f37,color:#0f3d1d
```

| Step | Phase | Attempts | Took | Message |
| --- | --- | --- | --- | --- |
| prepare | Succeeded | 1 | 17s |  |
| train | Succeeded | 1 | 9.6s |  |
| score | Failed | 2 | 1m24s | ExitCode: exit code 1 |
| report | Skipped | 0 | - | UpstreamFailed: step 'score' failed |

## Metrics

| Name | Value |
| --- | --- |
| prepare/rows | `11787` |

## Artifacts

| Artifact | Size |
| --- | --- |
| {customers} | 4.5 MiB |
"""
    )


def test_a_page_is_a_function_of_the_record_as_it_stands_in_git(succeeded):
    assert page.render(json.loads(json.dumps(succeeded))) == page.render(succeeded)


def test_pictures_are_shown_from_the_web_only(succeeded):
    assert "## Pictures\n\n![report/chart](<https://" in page.render(succeeded)
    for elsewhere in (
        "file:///var/lib/reconciler/",
        "javascript:alert(1)//",
        "data:image/svg+xml,",
        "//host/",
        "",
    ):
        local = {**succeeded, "store": {**succeeded["store"], "links": elsewhere}}
        shown = page.render(local)
        assert "![" not in shown
        assert "](<" not in shown


def test_the_page_says_how_to_look_up_the_history(succeeded):
    shown = page.render(succeeded, "_/ab/train", "ledger")
    assert "git log ledger -- _/ab/train\n" in shown
    assert "git show ledger:_/ab/train/run.json\n" in shown


def test_commands_are_left_out_where_a_shell_could_take_a_name_for_more(succeeded):
    assert "## History" not in page.render(succeeded, "train; rm -rf ~")
    assert "## History" not in page.render(succeeded, "train", "$(reboot)")


def test_the_page_of_ten_thousand_steps_is_bounded_and_shows_the_failures(succeeded, failed):
    good, bad = succeeded["steps"]["train"], failed["steps"]["score"]
    steps = {f"work-{number}": bad if number == 9000 else good for number in range(10_000)}
    shown = page.render({**succeeded, "steps": steps})
    assert len(shown) < 40_000
    assert "| work-9000 | Failed |" in shown
    assert "... and 9800 more, in [run.json](run.json)." in shown
    assert "... and 9899 more" in shown  # artifacts


def test_a_wide_run_is_drawn_by_level(succeeded, failed):
    good, bad = succeeded["steps"]["prepare"], failed["steps"]["score"]
    fan = {
        f"work-{number:03d}": {**(good if number else bad), "needs": ["prepare"]} for number in range(1000)
    }
    steps = {"prepare": good, **fan, "merge": {**good, "needs": list(fan)}}
    assert diagram.graph(steps).split("\n")[:6] == [
        "flowchart LR",
        '  s0["✓ prepare"]:::succeeded',
        '  s1["work-000 ... work-999<br/>1000 steps: 1 ✗, 999 ✓"]:::failed',
        '  s2["✓ merge"]:::succeeded',
        "  s0 --> s1",
        "  s1 --> s2",
    ]


def test_a_dense_run_is_drawn_by_level(succeeded):
    """30 x 30 edges are more than Mermaid takes."""
    good = succeeded["steps"]["prepare"]
    first = {f"a{number}": good for number in range(30)}
    steps = {**first, **{f"b{number}": {**good, "needs": list(first)} for number in range(30)}}
    assert diagram.graph(steps).count("-->") == 1


def test_a_chain_too_long_to_draw_is_left_out_with_a_sentence(succeeded):
    good = succeeded["steps"]["prepare"]
    steps = {f"s{number}": {**good, "needs": [f"s{number - 1}"]} for number in range(200)}
    assert "The graph of 200 steps is too large to be drawn." in page.render({**succeeded, "steps": steps})


def test_a_circle_in_a_foreign_record_is_drawn_without_end_or_error(succeeded):
    good = succeeded["steps"]["prepare"]
    steps = {f"s{number}": {**good, "needs": [f"s{(number + 1) % 200}"]} for number in range(200)}
    assert diagram.graph(steps) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("exit code 1", "exit code 1"),
        ("step 'score' failed: 3 of 4 (75%)", "step 'score' failed: 3 of 4 (75%)"),
        ("a|b", r"`a\x7cb`"),
        ("a\\|b", r"`a\\\x7cb`"),
        ("`a` ``b``", r"`\x60a\x60 \x60\x60b\x60\x60`"),
        ("[x](javascript:alert(1))", "`[x](javascript:alert(1))`"),
        ("<img src=x>", "`<img src=x>`"),
        ("see https://evil.example", "`see https://evil.example`"),
        ("see www.evil.example", "`see www.evil.example`"),
        ("line\n# forged", r"`line\n# forged`"),
        ("a :x: b", "`a :x: b`"),
        ("# head", r"`# head`"),
        ("$x$", "`$x$`"),
        ("&lt;", "`&lt;`"),
        ("", ""),
    ],
)
def test_row_20_foreign_text_is_prose_or_code(text, shown):
    assert prose(text) == shown


def test_row_20_names_and_links_cannot_break_out():
    assert word("train") == "train"
    assert word("a](b") == "`a](b`"
    assert code("`") == r"`\x60`"
    assert (
        link("x", "https://h.example/a b>)|<\n\"'") == "[x](<https://h.example/a%20b%3E%29%7C%3C%0A%22%27>)"
    )
    assert link("x", "javascript:alert(1)") == "x `javascript:alert(1)`"
    assert link("x", "https://[broken") == "x `https://[broken`"


def test_row_20_a_mermaid_label_is_letters_digits_and_hyphens(succeeded):
    good = succeeded["steps"]["prepare"]
    evil = 'a"]:::x\nclick s0 "javascript:alert(1)"<img src=x>#quot;`**b**`'
    node = diagram.graph({evil: good}).split("\n")[1]
    assert re.fullmatch(r'  s0\["✓ [A-Za-z0-9?-]+"\]:::succeeded', node)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)


@examples(80)
@given(runs())
def test_row_20_outside_of_code_spans_there_is_no_markup_but_ours(run):
    """Every line is one that we write: what is left without code spans, links and pictures is plain."""
    shown = page.render(to_record(run, {}))
    assert shown.count("```") % 2 == 0
    outside = re.sub(r"(?s)```.*?```", "", shown)
    for text in outside.split("\n"):
        assert text.count("`") % 2 == 0
        rest = re.sub(r"`[^`]*`", "", text)
        assert not re.search(r"[<>\[\]]", rest.replace("[run.json](run.json)", "")), text
        tags = _Tags()
        tags.feed(rest)
        assert not tags.found
    for row in (text for text in outside.split("\n") if text.startswith("|")):
        assert row.count("|") in (3, 4, 6)


@examples(40)
@given(runs())
def test_row_20_every_row_of_a_table_has_as_many_cells_as_its_head(run):
    for table in re.findall(r"(?m)(?:^\|.*\n)+", page.render(to_record(run, {}))):
        assert len({row.count("|") for row in table.strip().split("\n")}) == 1
