"""The images of the bed, made on this machine and kept in the cache under the hash of their sources.

The agent's image is built from the project's own Containerfile, on a base of the distribution's packages; the
builder keeps its layers, so a change of the code costs seconds. The base also stands in for the Python image
that workflows name, and the distribution's static busybox for theirs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.bed import archive
from tests.cluster.bed.archive import Named
from tests.cluster.bed.daemon import missing, run, tool
from tests.cluster.bed.house import CACHE, CHECKOUT

PAUSE = "localhost/testbed/pause:1"
BUSYBOX = "docker.io/library/busybox:1.36"
PYTHON = "docker.io/library/python:3.12-slim"
_KEPT = 16  # archives of the agent; each change of the code makes one, and running beds read theirs again
_BASE = "localhost/testbed/python:base"
_PACKAGES = "python3-minimal,python3-venv,ca-certificates"
_SUPERFLUOUS = (
    "var/lib/apt/lists",
    "var/cache",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/log",
)
_SOURCES = (
    "Containerfile",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "reconciler",
    "repo-template",
    "requirements",
    "schemas",
)
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "cert")


@dataclass(frozen=True)
class Image:
    """An archive, and the full names of the images in it."""

    archive: Path
    names: tuple[str, ...]


def all_images() -> list[Image]:
    """What a node of the tests has; the agent's image is the last."""
    return [busybox(), python(), agent()]


def busybox() -> Image:
    """The static busybox of the distribution, and from the same layer the pause of pod sandboxes."""
    found = shutil.which("busybox", path="/bin:/usr/bin")
    if not found or not _is_static(Path(found)):
        missing("a static busybox is not installed (on Debian: apt install busybox-static)")
    program = Path(str(found))
    path = _kept("busybox", [Path(__file__).with_name("archive.py"), program])
    if not path.exists():
        applets = run(str(program), "--list").split()
        layer = path.with_suffix(".layer")
        links = {f"bin/{each}": "busybox" for each in applets if each != "busybox"}
        users = "root:x:0:0:root:/root:/bin/sh\nuser:x:10001:10001::/tmp:/bin/sh\n"
        archive.write_layer(layer, {"bin/busybox": program}, links, {"etc/passwd": users})
        archive.write(path, layer, [Named(BUSYBOX, ["sh"]), Named(PAUSE, ["sleep", "1000000000"])])
    return Image(path, (BUSYBOX, PAUSE))


def python() -> Image:
    """The Python of the distribution under the name that workflows use, whatever its version is."""
    codename, mirror, components = _distribution()
    recipe = [codename, components, _PACKAGES, platform.machine(), *_SUPERFLUOUS]
    path = _kept("python", [Path(__file__).with_name("archive.py")], recipe)
    if not path.exists():
        layer = _kept("base", [], recipe)
        if not layer.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                _bootstrap(Path(work, "root"), codename, mirror, components)
                with archive.replacing(layer) as part:
                    run("tar", "--create", "--file", str(part), "--directory", f"{work}/root", ".")
        archive.write(path, layer, [Named(_BASE, ["python3"]), Named(PYTHON, ["python3"])])
    return Image(path, (_BASE, PYTHON))


def agent() -> Image:
    """The image of the project, built from its Containerfile as it is in this checkout."""
    base = python()
    files = [file for name in _SOURCES for file in _files(CHECKOUT / name)]
    path = _kept("agent", files, [base.archive.name])
    name = f"localhost/reconciler:{path.stem.removeprefix('agent-')}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            _copy(files, Path(work))
            _build(Path(work), base, name, path)
    path.touch()
    for old in sorted(CACHE.glob("agent-*.tar"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return Image(path, (name,))


def _bootstrap(root: Path, codename: str, mirror: str, components: str) -> None:
    print("testbed: installing the base of the images (two minutes, once)", file=sys.stderr)
    chosen = ["--variant=minbase", f"--include={_PACKAGES}", f"--components={components}"]
    run(tool("debootstrap"), *chosen, codename, str(root), mirror)
    for each in _SUPERFLUOUS:
        shutil.rmtree(root / each, ignore_errors=True)
        (root / each).mkdir(parents=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")  # as in the official images


def _build(context: Path, base: Image, name: str, path: Path) -> None:
    """The builder has a store of its own, below the cache; certificates come from this machine.

    Both stages have names in it, which keep the layers that the next build begins with; what an earlier
    build alone needs is removed.
    """
    print("testbed: building the agent's image", file=sys.stderr)
    pip, mounts = _pip()
    (context / "pip.conf").write_text(pip)
    volumes = [f"{each}:{each}:ro" for each in mounts] + [f"{context / 'pip.conf'}:/etc/pip.conf:ro"]
    proxies = [f"{key}={value}" for key, value in os.environ.items() if key.lower().endswith("_proxy")]
    told = [*(f"--build-arg={each}" for each in proxies), *(f"--volume={each}" for each in volumes)]
    with open(CACHE / "builder.lock", "w") as lock, archive.replacing(path) as part:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _buildah("pull", "--quiet", f"docker-archive:{base.archive}:{_BASE}")
        build = [
            "bud",
            "--isolation=chroot",
            "--layers",
            "--force-rm",
            "--pull=never",
            f"--build-arg=BASE={_BASE}",
        ]
        _buildah(*build, *told, "--target=build", "--tag=localhost/testbed/build", str(context))
        _buildah(*build, *told, "--tag=localhost/testbed/agent", str(context))
        _buildah("push", "--quiet", "localhost/testbed/agent", f"docker-archive:{part}:{name}")
        _buildah("rmi", "--prune")


def _buildah(*args: str) -> None:
    """In a mount namespace: what it leaves mounted goes with the process."""
    store = ["--root", str(CACHE / "builder"), "--runroot", "/run/reconciler-testbed"]
    run(tool("unshare"), "--mount", tool("buildah"), *store, *args)


def _pip() -> tuple[str, list[str]]:
    """What pip is told on this machine about its registry, as a file; and the paths this needs."""
    told = {}
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        told[key.rpartition(".")[2]] = value.strip("'\"")
    lines = [f"{key} = {told[key]}" for key in _PIP_SETTINGS if key in told]
    paths = {"/etc/ssl/certs", *([told["cert"]] if "cert" in told else [])}
    return "\n".join(["[global]", *lines, ""]), sorted(each for each in paths if Path(each).exists())


def _distribution() -> tuple[str, str, str]:
    """Codename, mirror and components, as apt has them."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    if not codename or not shutil.which("apt-get"):
        missing("the base of the images is made from packages of Debian or Ubuntu; this is neither")
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(CODENAME) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    ]
    targets = [
        line.split() for line in subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
    ]
    ours = [target for target in targets if target[0] == codename and len(target) == 3]
    if not ours:
        missing(f"apt knows no packages of {codename}: run `apt-get update`")
    components = ",".join(sorted({component for _, component, uri in ours if uri == ours[0][2]}))
    return codename, ours[0][2], components


def _is_static(program: Path) -> bool:
    return b"ld-linux" not in program.read_bytes()[:4096]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)


def _copy(files: Iterable[Path], to: Path) -> None:
    """With one date for all, so that the builder's layers depend on what is in the files alone."""
    for file in files:
        target = to / file.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    for each in [to, *to.rglob("*")]:
        os.utime(each, (1577836800, 1577836800))


def _kept(name: str, files: Iterable[Path], words: Iterable[str] = ()) -> Path:
    """The place in the cache of what is made from these files and words."""
    digest = hashlib.sha256("\0".join(words).encode())
    for file in files:
        inside = file.relative_to(CHECKOUT) if file.is_relative_to(CHECKOUT) else file
        digest.update(f"\0{inside}\0".encode() + file.read_bytes())
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{name}-{digest.hexdigest()[:16]}.tar"
