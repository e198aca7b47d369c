"""What a kubelet gives to an agent, laid out below one directory: a volume, the store's keys, variables.

The agent itself is the real one, in a process of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from reconciler.artifacts import ArtifactStore, S3Access, open_store
from reconciler.artifacts.packing import collect
from reconciler.executors.kubernetes.agent import FETCH, PUT
from reconciler.executors.kubernetes.errand import Errand, Harvest, Mount, dump_errand, load_harvest
from reconciler.model.run import Artifact, AttemptKey, Outputs, StepCall
from reconciler.model.workflow import ArtifactOutput

PATIENCE = 300.0
"""Seconds after which a test gives up; no test needs them."""

CHECKOUT = Path(__file__).parents[2]
PREFIX = "runs/demo/demo-1-cafe/a/1/"
MOUNTS = (
    Mount("/reconciler/work", "work"),
    Mount("/reconciler/home", "home"),
    Mount("/out", "out/1"),
    Mount("/in/data", "in/2", writable=False),
)


def an_errand(*, mounts: tuple[Mount, ...] = MOUNTS, **call: Any) -> Errand:
    """An errand for the first attempt of a step."""
    return Errand(StepCall(AttemptKey("demo-1-cafe", "a", 1), PREFIX, **call), mounts)


@dataclass(frozen=True)
class Ended:
    """How an agent ended: exit code, termination message (None: it left none), and what it printed."""

    code: int
    complaint: Harvest | None
    said: str


@dataclass(frozen=True)
class Pod:
    """One pod's part of the world; `access` is for stores that are servers."""

    root: Path
    url: str
    access: S3Access | None = None
    variables: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for name in ("io", "keys"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        if self.access is not None:
            (self.root / "keys" / "access-key").write_text(self.access.access_key)
            (self.root / "keys" / "secret-key").write_text(self.access.secret_key + "\n")

    @property
    def io(self) -> Path:
        return self.root / "io"

    @property
    def store(self) -> ArtifactStore:
        return open_store(self.url, self.access)

    def environment(self, errand: Errand | None) -> dict[str, str]:
        found = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RECONCILER_IO": str(self.io),
            "RECONCILER_STORE_KEYS": str(self.root / "keys"),
            "RECONCILER_TERMINATION_LOG": str(self.root / "termination-log"),
            "RECONCILER_STORE_URL": self.url,
            "RECONCILER_PATIENCE": "30",
        }
        if errand is not None:
            found["RECONCILER_JOB"] = dump_errand(errand)
        if self.access is not None:
            found |= {"RECONCILER_STORE_ENDPOINT": self.access.endpoint, "RECONCILER_STORE_SECURE": "false"}
        return found | dict(self.variables or {})

    def start(
        self, command: Sequence[str], *, errand: Errand | None = None, through: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """An agent under way, in a directory that is not its own."""
        return subprocess.Popen(
            [*through, *command],
            env=self.environment(errand),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def end(self, agent: subprocess.Popen[bytes]) -> Ended:
        try:
            said, _ = agent.communicate(timeout=PATIENCE)
        finally:
            agent.kill()
        log = self.root / "termination-log"
        complaint = load_harvest(log.read_bytes()) if log.exists() else None
        log.unlink(missing_ok=True)
        return Ended(agent.returncode, complaint, said.decode())

    def fetch(self, errand: Errand) -> Ended:
        return self.end(self.start(FETCH, errand=errand))

    def fetch_large(self, errand: Errand) -> Ended:
        """Of an errand that is too large for a variable."""
        self.store.put(f"{PREFIX}errand.json", BytesIO(dump_errand(errand).encode()))
        return self.end(self.with_variables(RECONCILER_JOB_KEY=f"{PREFIX}errand.json").start(FETCH))

    def put(self, errand: Errand, *, through: Sequence[str] = ()) -> Ended:
        return self.end(self.start(PUT, errand=errand, through=through))

    def manifest(self) -> Harvest | None:
        """The agent's answer; None while there is none."""
        if self.store.stat(f"{PREFIX}manifest.json") is None:
            return None
        return load_harvest(self.read(f"{PREFIX}manifest.json"))

    def outputs(self) -> Outputs:
        """Of an attempt that must have given all it had to."""
        found = self.manifest()
        assert found is not None
        assert found == Harvest(found.outputs)
        return found.outputs

    def read(self, key: str) -> bytes:
        with self.store.open(key) as stream:
            return stream.read()

    def given(self, path: Path, name: str = "given", archive: str = "tar") -> Artifact:
        """What lies at `path`, as an artifact of an earlier step."""
        output = ArtifactOutput(name, path.name, archive=archive)
        found = collect(self.store, output, path.parent, "runs/demo/earlier/")
        assert found is not None
        return found

    def with_variables(self, **variables: str) -> Pod:
        return replace(self, variables={**(self.variables or {}), **variables})


def tree(directory: Path) -> dict[str, str]:
    """What lies below: content of files, target of links, "/" for directories."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"->{path.readlink()}"
        else:
            found[name] = "/" if path.is_dir() else path.read_text()
    return found


def is_ready(agent: subprocess.Popen[bytes]) -> bool:
    """Whether SIGTERM will be heard."""
    caught = Path(f"/proc/{agent.pid}/status").read_text().partition("SigCgt:\t")[2].split()[0]
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def memory_of(agent: subprocess.Popen[bytes]) -> int:
    """Bytes that belong to this process alone; the rest is shared with every other of its kind."""
    text = Path(f"/proc/{agent.pid}/smaps_rollup").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("Private_")]
    return sum(int(words[1]) for words in lines) * 1024


def without_rights() -> Sequence[str]:
    """What to start an agent through, so that it has none of root's rights, as in a pod."""
    return ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
