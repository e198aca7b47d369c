"""Outputs into a store and inputs out of it: what is kept, and what is never believed."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.artifacts import ArtifactStore, open_store
from reconciler.artifacts.packing import OutputMissing, collect, place, store_bundle
from reconciler.errors import ArtifactCorrupt, ArtifactNotFound, PermanentError
from reconciler.model.run import Artifact
from reconciler.model.workflow import ArtifactOutput
from tests.artifacts.contract import read
from tests.chance import examples

FORMS = ["tar", "files"]
PREFIX = "runs/etl/etl-1/train/1/"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The working directory of a step, with an output directory in it."""
    (tmp_path / "work" / "out").mkdir(parents=True)
    return tmp_path / "work"


def kept(store: ArtifactStore, work: Path, path: str = "out", archive: str = "tar") -> Artifact:
    artifact = collect(store, ArtifactOutput("model", path, archive=archive), work, PREFIX)
    assert artifact is not None
    return artifact


def tree(top: Path) -> dict[str, object]:
    """All that stands below: content and executable bit, None for a directory, the target of a link."""
    found: dict[str, object] = {}
    for directory, names, files in os.walk(top):
        for name in [*names, *files]:
            path = Path(directory, name)
            if path.is_symlink():
                found[str(path.relative_to(top))] = str(path.readlink())
            elif path.is_dir():
                found[str(path.relative_to(top))] = None
            else:
                mode = path.stat().st_mode
                found[str(path.relative_to(top))] = (path.read_bytes(), bool(mode & stat.S_IXUSR))
    return found


class TestAFile:
    def test_is_stored_as_it_is_under_the_attempts_prefix(self, store: ArtifactStore, work: Path) -> None:
        (work / "out" / "report.html").write_text("<p>good")
        sha256 = hashlib.sha256(b"<p>good").hexdigest()
        artifact = kept(store, work, "out/report.html")
        assert artifact == Artifact("model", f"{PREFIX}artifacts/model", 7, sha256, "file", "text/html")
        assert read(store, artifact.key) == b"<p>good"

    @pytest.mark.parametrize(
        ("name", "content_type"),
        [
            ("picture.png", "image/png"),
            ("data.csv", "text/csv"),
            ("data.csv.gz", "application/gzip"),
            ("model.bin", "application/octet-stream"),
            ("no-ending", "application/octet-stream"),
            ("http:page.html", "text/html"),
        ],
    )
    def test_has_the_content_type_of_its_name(
        self, store: ArtifactStore, work: Path, name: str, content_type: str
    ) -> None:
        (work / name).touch()
        assert kept(store, work, name).content_type == content_type

    def test_has_the_content_type_that_was_declared(self, store: ArtifactStore, work: Path) -> None:
        (work / "x.png").touch()
        output = ArtifactOutput("x", "x.png", content_type="application/x-own")
        artifact = collect(store, output, work, PREFIX)
        assert artifact is not None
        assert artifact.content_type == "application/x-own"

    def test_comes_back_where_it_is_wanted(self, store: ArtifactStore, work: Path) -> None:
        (work / "model.bin").write_bytes(b"weights")
        place(store, kept(store, work, "model.bin"), work / "in" / "deep" / "model.bin")
        assert (work / "in" / "deep" / "model.bin").read_bytes() == b"weights"

    @pytest.mark.parametrize("executable", [True, False])
    def test_may_be_run_at_the_other_end_if_it_could_at_this_one(
        self, store: ArtifactStore, work: Path, executable: bool
    ) -> None:
        tool = work / "tool"
        tool.write_text("#!/bin/sh\necho it runs\n")
        tool.chmod(0o711 if executable else 0o644)
        artifact = kept(store, work, "tool")
        assert artifact.executable is executable
        place(store, artifact, work / "in" / "tool")
        assert os.access(work / "in" / "tool", os.X_OK) is executable

    def test_may_stand_elsewhere_than_its_output_says(self, store: ArtifactStore, work: Path) -> None:
        """An absolute path is somewhere below the directory that stood for it in the sandbox."""
        (work / "mapped").write_text("x")
        artifact = collect(store, ArtifactOutput("x", "/data/x.txt"), work, PREFIX, path="mapped")
        assert artifact is not None
        assert (artifact.size, artifact.content_type) == (1, "text/plain")


class TestADirectory:
    @pytest.mark.parametrize("archive", FORMS)
    def test_comes_back_with_links_and_empty_directories_and_odd_names(
        self, store: ArtifactStore, work: Path, archive: str
    ) -> None:
        out = work / "out"
        (out / "sub" / "empty").mkdir(parents=True)
        (out / "sub" / "run.sh").write_text("#!/bin/sh")
        (out / "sub" / "run.sh").chmod(0o755)
        (out / "latest").symlink_to("sub/run.sh")
        (out / "sub" / "up").symlink_to("../none/at/all")
        for name in [
            b"with space",
            b"new\nline",
            b"tab\t",
            b"\xff\xfe not UTF-8",
            "decomposed e\u0301".encode(),
            "日本語".encode(),
            b"back\\slash",
            b"percent%41",
            b".listing.jsonl",
            b".part-1",
            b"~",
            b"n" * 255,
        ]:
            (out / os.fsdecode(name)).write_bytes(name)
        artifact = kept(store, work, archive=archive)
        place(store, artifact, work / "in")
        assert tree(work / "in") == tree(out)
        assert artifact.form == archive

    @pytest.mark.parametrize("archive", FORMS)
    def test_gives_the_same_hash_for_the_same_content(
        self, store: ArtifactStore, work: Path, archive: str
    ) -> None:
        for top, names in (("out", "abc"), ("again", "cba")):
            for name in names:
                (work / top / "dir").mkdir(exist_ok=True, parents=True)
                (work / top / "dir" / name).write_text(name)
        os.utime(work / "again" / "dir" / "a", (1, 1))
        (work / "again" / "dir" / "b").chmod(0o600)
        assert kept(store, work, "out", archive) == kept(store, work, "again", archive)

    @pytest.mark.parametrize("archive", FORMS)
    def test_may_be_empty_or_hold_empty_and_sparse_files(
        self, store: ArtifactStore, work: Path, archive: str
    ) -> None:
        place(store, kept(store, work, archive=archive), work / "in-empty")
        assert tree(work / "in-empty") == {}
        (work / "out" / "empty").touch()
        with open(work / "out" / "sparse", "wb") as sparse:
            sparse.truncate(20_000_000)
        place(store, kept(store, work, archive=archive), work / "in")
        assert tree(work / "in") == {"empty": (b"", False), "sparse": (bytes(20_000_000), False)}

    @pytest.mark.parametrize("archive", FORMS)
    def test_may_hold_ten_thousand_files(self, root: Path, archive: str) -> None:
        store, work = open_store(str(root / "store")), root / "work"
        (work / "out").mkdir(parents=True)
        for number in range(10_000):
            path = work / "out" / f"{number % 100:02}" / f"{number:05}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"%d" % number * 10)
        place(store, kept(store, work, archive=archive), work / "in")
        assert tree(work / "in") == tree(work / "out")

    def test_kept_file_by_file_has_a_key_for_each(self, store: ArtifactStore, work: Path) -> None:
        (work / "out" / "sub").mkdir()
        (work / "out" / "sub" / "index.html").write_text("x")
        (work / "out" / ".listing.jsonl").write_text("not the listing")
        artifact = kept(store, work, archive="files")
        assert list(store.keys(artifact.key)) == [
            f"{artifact.key}/%2Elisting.jsonl",
            f"{artifact.key}/.listing.jsonl",
            f"{artifact.key}/sub/index.html",
        ]
        assert artifact.size == 16


names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not {0, 47} & set(name) and name not in (b".", b"..")
)
trees = st.recursive(
    st.binary(max_size=2000), lambda children: st.dictionaries(names, children, max_size=4), max_leaves=20
).filter(lambda made: isinstance(made, dict))


@given(trees, st.sampled_from(FORMS))
@settings(examples(60), suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_comes_back(
    tmp_path_factory: pytest.TempPathFactory, made: dict[bytes, object], archive: str
) -> None:
    top = tmp_path_factory.mktemp("tree")
    build(top / "out", made)
    store = open_store(str(top / "store"))
    place(store, kept(store, top, archive=archive), top / "in")
    assert tree(top / "in") == tree(top / "out")


def build(path: Path, made: object) -> None:
    if isinstance(made, dict):
        path.mkdir()
        for name, child in made.items():
            build(path / os.fsdecode(name), child)
    else:
        assert isinstance(made, bytes)
        path.write_bytes(made)


class TestAMissingOutput:
    @pytest.mark.parametrize(
        "path", ["nothing", "out/nothing", "out/nothing/below", "file/below", "dangling"]
    )
    def test_is_said_by_name(self, store: ArtifactStore, work: Path, path: str) -> None:
        (work / "file").touch()
        (work / "dangling").symlink_to("nowhere")
        with pytest.raises(OutputMissing, match=f"Nothing stands at '{path}'"):
            kept(store, work, path)

    def test_that_is_optional_gives_nothing(self, store: ArtifactStore, work: Path) -> None:
        assert collect(store, ArtifactOutput("x", "nothing", optional=True), work, PREFIX) is None


class TestAnInput:
    @pytest.fixture(params=["file", *FORMS])
    def artifact(self, request: pytest.FixtureRequest, store: ArtifactStore, work: Path) -> Artifact:
        (work / "out" / "a").write_bytes(b"a" * 5000)
        (work / "out" / "b").write_bytes(b"b" * 5000)
        if request.param == "file":
            return kept(store, work, "out/a")
        return kept(store, work, archive=request.param)

    def objects(self, store: ArtifactStore, artifact: Artifact) -> list[str]:
        return [artifact.key] if artifact.form != "files" else list(store.keys(artifact.key))

    @pytest.mark.parametrize("damage", ["missing", "truncated", "longer", "changed", "empty"])
    def test_that_is_damaged_is_never_delivered(
        self, store: ArtifactStore, work: Path, artifact: Artifact, damage: str
    ) -> None:
        for key in self.objects(store, artifact):
            content = read(store, key)
            path = Path(store.link(key).removeprefix("file://").replace("%25", "%"))
            changed = {
                "truncated": content[:-1],
                "longer": content + b"x",
                "changed": content[:-1] + bytes([content[-1] ^ 1]),
                "empty": b"",
            }
            path.unlink() if damage == "missing" else path.write_bytes(changed[damage])
            with pytest.raises(ArtifactNotFound if damage == "missing" else ArtifactCorrupt):
                place(store, artifact, work / "in" / "x")
            assert list((work / "in").glob("*") if (work / "in").exists() else []) == []
            path.write_bytes(content)

    def test_replaces_nothing_that_holds_something(
        self, store: ArtifactStore, work: Path, artifact: Artifact
    ) -> None:
        (work / "in").mkdir()
        (work / "in" / "precious").touch()
        with pytest.raises(PermanentError, match="Cannot write"):
            place(store, artifact, work / "in")
        assert [path.name for path in work.iterdir()] == ["out", "in"] or tree(work / "in") == {
            "precious": (b"", False)
        }

    def test_of_an_unknown_form_is_refused(self, store: ArtifactStore, work: Path) -> None:
        with pytest.raises(PermanentError, match="'zip', which this release does not know"):
            place(store, Artifact("x", "key", 1, "", form="zip"), work / "in")


class TestABundle:
    FILES = (("src/train.py", False, b"print()"), ("bin/run", True, b"#!/bin/sh"), ("a", False, b""))

    def test_is_laid_out_as_it_was(self, store: ArtifactStore, work: Path) -> None:
        place(store, store_bundle(store, self.FILES), work / "laid")
        assert tree(work / "laid") == {
            "a": (b"", False),
            "bin": None,
            "bin/run": (b"#!/bin/sh", True),
            "src": None,
            "src/train.py": (b"print()", False),
        }

    def test_is_stored_once_whatever_the_order(self, store: ArtifactStore) -> None:
        bundle = store_bundle(store, self.FILES)
        with store.open(bundle.key) as first:
            inode = os.fstat(first.fileno()).st_ino
            assert store_bundle(store, reversed(self.FILES)) == bundle
            with store.open(bundle.key) as second:
                assert os.fstat(second.fileno()).st_ino == inode
        assert bundle.key == f"files/{bundle.sha256}.tar"

    def test_may_hold_nothing(self, store: ArtifactStore, work: Path) -> None:
        place(store, store_bundle(store, []), work / "laid")
        assert tree(work / "laid") == {}
