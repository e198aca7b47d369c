"""What needs the whole repository: files of steps, digests, and names that are taken."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.definition import Verdict, check_text, compare, resolve
from reconciler.model.workflow import Definition, SourceFile

TEXT = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: train}
spec:
  on: {paths: [data/*.csv]}
  parameters: {epochs: {type: integer, default: 5}}
  steps:
    prepare: {files: [scripts/**], command: [python, scripts/prepare.py]}
    train: {needs: [prepare], command: [python, train.py]}
"""
FILES = ["scripts/prepare.py", "scripts/lib/a.py", "data/a.csv", "workflows/train.yaml", "other.txt"]


def listing(**blobs: str) -> dict[str, SourceFile]:
    return {path: SourceFile(path, blobs.get(path, "1" * 40)) for path in FILES}


def verdicts(**texts: str) -> dict[str, Verdict]:
    return {f"workflows/{name}.yaml": check_text(text.encode()) for name, text in texts.items()}


def definition(text: str = TEXT, files: Mapping[str, SourceFile] | None = None) -> Definition:
    definitions, problems = resolve(verdicts(train=text), files or listing())
    assert problems == []
    return definitions["train"]


def test_a_definition_has_the_files_of_its_steps_and_where_it_stands() -> None:
    found = definition()

    assert found.path == "workflows/train.yaml"
    assert {step: [file.path for file in files] for step, files in found.files.items()} == {
        "prepare": ["scripts/lib/a.py", "scripts/prepare.py"]
    }
    assert found.digest.startswith("sha256:")
    assert len(found.digest) == 71
    assert {key for key in found.parts if key.startswith("file:")} == {
        "file:scripts/lib/a.py",
        "file:scripts/prepare.py",
        "file:data/a.csv",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("spec:", "# a comment\nspec:"),
        ("metadata: {name: train}", "metadata:\n  labels: {a: b}\n  description: says more\n  name: 'train'"),
        ("default: 5}", "description: passes, default: 5}"),
        ("needs: [prepare], command: [python, train.py]", "command: [python, train.py], needs: [prepare]"),
        (
            "on: {paths: [data/*.csv]}",
            "on: {paths: [data/a.csv], change: true, schedule: [{cron: '@daily'}]}",
        ),
        ("spec:", "spec:\n  suspend: true"),
        (
            "{needs: [prepare], command: [python, train.py]}",
            '\n      needs:\n      - prepare\n      command: ["python", train.py]',
        ),
    ],
)
def test_what_does_not_change_the_work_does_not_change_the_digest(old: str, new: str) -> None:
    changed = definition(TEXT.replace(old, new))

    assert (changed.digest, changed.parts) == (definition().digest, definition().parts)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("train.py]", "train.py, x]", ["step 'train': command changed"]),
        ("needs: [prepare]", "timeout: 5m", ["step 'train': needs removed", "step 'train': timeout added"]),
        ("    train: {", "    more: {command: [x]}\n    train: {", ["step 'more' added"]),
        ("    train: {needs: [prepare], command: [python, train.py]}\n", "", ["step 'train' removed"]),
        ("default: 5", "default: 6", ["parameter 'epochs' changed"]),
        ("epochs", "rounds", ["parameter 'epochs' removed", "parameter 'rounds' added"]),
        ("  steps:", "  timeout: 1h\n  steps:", ["timeout added"]),
        ("  steps:", "  defaults: {image: x}\n  steps:", ["default 'image' added"]),
        ("  steps:", "  outputs: {parameters: {x: 1}}\n  steps:", ["outputs: parameters added"]),
        ("  on: {paths: [data/*.csv]}\n", "", ["file data/a.csv removed"]),
    ],
)
def test_what_changes_the_work_changes_the_digest_and_is_said(old: str, new: str, said: list[str]) -> None:
    before, after = definition(), definition(TEXT.replace(old, new))

    assert before.digest != after.digest
    assert compare(before.parts, after.parts) == said


def test_a_changed_file_changes_the_digest_and_is_said() -> None:
    before, after = definition(), definition(files=listing(**{"scripts/lib/a.py": "2" * 40}))
    executable = {
        **listing(),
        "scripts/prepare.py": SourceFile("scripts/prepare.py", "1" * 40, executable=True),
    }

    assert before.digest != after.digest
    assert compare(before.parts, after.parts) == ["file scripts/lib/a.py changed"]
    assert compare(before.parts, definition(files=executable).parts) == ["file scripts/prepare.py changed"]
    assert definition(files=listing(**{"other.txt": "2" * 40})).digest == before.digest


def test_a_pattern_without_files_is_a_problem_at_its_place() -> None:
    text = TEXT.replace("scripts/**", "scripts, data/*.parquet")

    definitions, problems = resolve(verdicts(train=text), listing())

    assert definitions == {}
    place = "workflows/train.yaml:8:{}: $.spec.steps.prepare.files[{}]: No file of the repository matches "
    assert [str(problem) for problem in problems] == [
        place.format(23, 0) + "'scripts'. 'scripts' is a directory: write scripts/**.",
        place.format(32, 1) + "'data/*.parquet'.",
    ]


def test_row_25_of_two_new_files_with_one_name_neither_gets_it() -> None:
    definitions, problems = resolve(verdicts(a=TEXT, b=TEXT), listing())

    assert definitions == {}
    said = "workflows/{}.yaml:3:18: $.metadata.name: The workflow 'train' is defined in workflows/{}.yaml."
    assert [str(problem) for problem in problems] == [
        said.format("a", "b") + " Choose another name.",
        said.format("b", "a") + " Choose another name.",
    ]


@pytest.mark.parametrize("looked_at", [True, False])
def test_row_25_a_name_stays_with_the_file_that_had_it(looked_at: bool) -> None:
    files = {**listing(), "workflows/z.yaml": SourceFile("workflows/z.yaml", "3" * 40)}
    texts = {"a": TEXT, "z": TEXT} if looked_at else {"a": TEXT}

    definitions, problems = resolve(verdicts(**texts), files, owners={"train": "workflows/z.yaml"})

    assert {name: found.path for name, found in definitions.items()} == (
        {"train": "workflows/z.yaml"} if looked_at else {}
    )
    assert [(problem.path, problem.code) for problem in problems] == [("workflows/a.yaml", "DuplicateName")]


def test_row_25_a_file_that_is_broken_for_now_keeps_its_name() -> None:
    files = {**listing(), "workflows/z.yaml": SourceFile("workflows/z.yaml", "3" * 40)}

    definitions, problems = resolve(verdicts(a=TEXT, z="a: ["), files, owners={"train": "workflows/z.yaml"})

    assert definitions == {}
    assert [problem.path for problem in problems] == ["workflows/a.yaml"]


def test_a_renamed_file_keeps_the_name() -> None:
    definitions, problems = resolve(verdicts(new=TEXT), listing(), owners={"train": "workflows/gone.yaml"})

    assert (definitions["train"].path, problems) == ("workflows/new.yaml", [])


def test_a_name_that_its_file_gave_up_is_free() -> None:
    files = {**listing(), "workflows/z.yaml": SourceFile("workflows/z.yaml", "3" * 40)}
    renamed = TEXT.replace("name: train", "name: other")

    definitions, problems = resolve(verdicts(a=TEXT, z=renamed), files, owners={"train": "workflows/z.yaml"})

    assert {name: found.path for name, found in definitions.items()} == {
        "other": "workflows/z.yaml",
        "train": "workflows/a.yaml",
    }
    assert problems == []
