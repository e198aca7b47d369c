"""`reconciler validate` in checkouts, in hooks and in CI."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.command import call, follows_the_schema
from tests.cli.definitions import TWO_STEPS, one

TYPO = one("typo", "true").replace("command:", "comand:")


@pytest.fixture
def checkout(place):
    place.write("names.txt", "Ada\n")
    place.write("workflows/two.yaml", TWO_STEPS)
    return place


def test_sound_definitions_are_no_news(checkout):
    done = call(checkout, "validate")
    assert (done.out, done.err) == ("", "1 file, 1 sound workflow, no problems\n")


def test_every_problem_of_every_file_has_its_place(checkout):
    checkout.write("workflows/typo.yaml", TYPO)
    checkout.write("workflows/deep/broken.yml", "a: [1,\n")
    done = call(checkout, "validate", code=1)
    assert "workflows/typo.yaml:7:7: $.spec.steps.only" in done.out
    assert "Did you mean 'command'?" in done.out
    assert "workflows/deep/broken.yml:" in done.out
    assert done.err.startswith("3 files, 1 sound workflow, ")


def test_what_the_repository_must_hold_is_looked_for(checkout):
    (checkout.clone / "names.txt").unlink()
    assert "No file of the repository matches 'names.txt'" in call(checkout, "validate", code=1).out


def test_a_hook_is_told_of_the_files_that_it_names_and_no_others(checkout):
    """As pre-commit calls it; but a name that an unnamed neighbour has is taken all the same."""
    checkout.write("workflows/typo.yaml", TYPO)
    checkout.write("workflows/same.yaml", one("two", "true"))
    out = call(checkout, "validate", "workflows/same.yaml", code=1).out
    assert "is defined in workflows/two.yaml" in out
    assert "typo.yaml" not in out


def test_paths_are_shown_as_seen_from_here(checkout):
    checkout.write("workflows/typo.yaml", TYPO)
    out = call(checkout, "validate", "typo.yaml", code=1, cwd=checkout.clone / "workflows").out
    assert out.startswith("typo.yaml:7:7: ")


def test_json_follows_its_schema_and_names_files_from_the_root(checkout):
    checkout.write("workflows/typo.yaml", TYPO)
    document = call(checkout, "validate", ".", "-o", "json", code=1, cwd=checkout.clone / "workflows").json
    follows_the_schema(document, "validation")
    assert document["problems"][0]["path"] == "workflows/typo.yaml"


def test_github_and_sarif_show_problems_where_code_is_reviewed(checkout):
    checkout.write("workflows/typo.yaml", TYPO)
    out = call(checkout, "validate", "--output", "github", code=1).out
    assert out.startswith("::error file=workflows/typo.yaml,line=7,col=7,title=")
    log = json.loads(call(checkout, "validate", "--output", "sarif", code=1).out)
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "workflows/typo.yaml"
    }


def test_warnings_count_when_one_is_strict(checkout):
    pasted = TWO_STEPS.replace(
        "command: ['true']", "script: |\n        #!/bin/sh\n        echo ${{ parameters.whom }}\n"
    )
    checkout.write("workflows/two.yaml", pasted)
    assert "warning: " in call(checkout, "validate").out
    call(checkout, "validate", "--strict", code=1)


def test_a_file_that_git_ignores_is_checked_when_it_is_named(checkout):
    checkout.write(".gitignore", "draft.yaml\n")
    checkout.write("draft.yaml", TYPO)
    assert "draft.yaml:7:7" in call(checkout, "validate", "draft.yaml", code=1).out


def test_outside_of_any_repository_it_works_too(place, tmp_path):
    folder = tmp_path / "plain" / "workflows"
    folder.mkdir(parents=True)
    (folder / "two.yaml").write_text(TWO_STEPS)
    (tmp_path / "plain" / "names.txt").write_text("Ada\n")
    assert "no problems" in call(place, "validate", str(folder)).err


def test_what_does_not_exist_is_wrong_usage(place):
    assert "There is no folder 'workflows' here" in call(place, "validate", code=2).err
    assert "does not exist" in call(place, "validate", "nowhere.yaml", code=2).err


@pytest.mark.parametrize(
    "content",
    [b"\0", b"\xff\xfe", b"", b"[" * 30_000, b"x" * 2_000_000, b"a: &a [*a]", b"%YAML 9.9\n---\n"],
    ids=["nul", "not utf-8", "empty", "deep", "large", "itself", "directive"],
)
def test_whatever_a_file_holds_there_is_no_traceback(checkout, content):
    (checkout.clone / "workflows" / "bad.yaml").write_bytes(content)
    done = call(checkout, "validate", code=0 if content == b"" else 1)
    assert "1 sound workflow" in done.err


def test_what_is_neither_file_nor_folder_is_not_waited_for(checkout):
    os.mkfifo(checkout.clone / "workflows" / "pipe.yaml")
    assert "neither a file nor a folder" in call(checkout, "validate", "workflows/pipe.yaml", code=1).err
    assert "no problems" in call(checkout, "validate").err


def test_a_home_directory_is_not_taken_for_a_repository(place, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "two.yaml").write_text(one("two", "true"))
    with (home / "film").open("wb") as file:
        file.truncate(1 << 40)
    assert "is no checkout" in call(place, "validate", "two.yaml", code=1, cwd=home).err
    assert "is no checkout" in call(place, "run", "two.yaml", code=1, cwd=home).err


def test_a_link_is_told_and_not_followed(checkout):
    (checkout.clone / "workflows" / "link.yaml").symlink_to("/etc/passwd")
    assert "workflows/link.yaml" in call(checkout, "validate", code=1).out
    assert "root:" not in call(checkout, "validate", "workflows/link.yaml", code=1).out
