"""`reconciler init`, and `schema`: where people start."""

from __future__ import annotations

from reconciler import share
from tests.cli.command import call


def test_what_init_makes_validates_and_runs(place):
    done = call(place, "init", "flows", cwd=place.root)
    flows = place.root / "flows"
    assert "a new git repository" in done.out
    assert "cd flows && reconciler validate" in done.out
    for name in (
        ".gitignore",
        ".pre-commit-config.yaml",
        ".vscode/settings.json",
        ".reconciler/workflow.schema.json",
    ):
        assert (flows / name).is_file()
    assert "2 sound workflows, no problems" in call(place, "validate", cwd=flows).err
    for name in ("churn", "weather"):
        assert f"{name} #1: Succeeded" in call(place, "run", f"workflows/{name}.yaml", cwd=flows).out


def test_init_never_overwrites_and_writes_nothing_then(place):
    flows = place.root / "flows"
    flows.mkdir()
    (flows / "README.md").write_text("mine")
    err = call(place, "init", "flows", cwd=place.root, code=1).err
    assert "README.md" in err
    assert [path.name for path in flows.iterdir()] == ["README.md"]


def test_init_may_be_repeated(place):
    call(place, "init", "flows", cwd=place.root)
    assert call(place, "init", "flows", cwd=place.root).out.startswith(
        "0 files written to flows, which is a rep"
    )


def test_init_at_the_root_of_a_repository_uses_it_and_below_it_says_so(place):
    assert "which is a repository already" in call(place, "init").out
    assert "inside of the repository" in call(place, "init", "below").out
    place.write(".gitignore", "/apart/\n")
    assert "a new git repository" in call(place, "init", "apart").out


def test_init_where_nothing_can_be_written_is_told(place):
    (place.root / "file").write_text("")
    assert "Error: Cannot write" in call(place, "init", "file/below", cwd=place.root, code=1).err


def test_schema_prints_the_public_contracts(place):
    assert call(place, "schema").out == share.schema_text()
    for name in ("workflow", "record", "output"):
        assert call(place, "schema", name).out == share.schema_text(f"{name}.schema.json")
    assert "'nope' is not one of" in call(place, "schema", "nope", code=2).err
