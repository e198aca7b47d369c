"""Steps in their image, by podman or docker: without privileges, under a name derived from the attempt."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.errors import LaunchRejected
from reconciler.executors import command, paths
from reconciler.executors.local import process
from reconciler.executors.local.options import Options
from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim, End
from reconciler.executors.local.way import Start
from reconciler.executors.log import tail
from reconciler.model.run import StepCall

ENGINE_FAILED = 125
_OF_CLIENT = ("HOME", "PATH", "XDG_", "DOCKER_", "CONTAINER_", "CONTAINERS_", "DBUS_", "TMPDIR")


class Container:
    """With a container engine."""

    on_host = False
    reaps = True

    def __init__(self, options: Options, engine: str, program: str) -> None:
        self.name = engine
        self._options = options
        self._program = program
        self._client = {k: v for k, v in options.environment.items() if k.startswith(_OF_CLIENT)}
        self._client.setdefault("PATH", options.path)

    def refusal(self, named: Iterable[str], working_dir: str | None) -> str | None:
        for path in named:
            seen = paths.inside(path, working_dir)
            if seen == "/" or (paths.is_system(seen) and not paths.is_private(seen)):
                return f"'{path}' belongs to the system and cannot be an input or output"
            if posixpath.dirname(seen) == "/":
                return (
                    f"'{path}' stands directly below '/', where an image cannot be given a file: use a folder"
                )
        return None

    def locate(self, place: Place, seen: str) -> tuple[Path, str]:
        found = paths.spot(seen)
        return place.path / found.base, found.relative

    def set_up(self, place: Place, call: StepCall, secrets: Mapping[str, str]) -> Start:
        for name in secrets:
            if name.startswith(_OF_CLIENT) or name.startswith("LD_"):  # the client would obey it
                raise LaunchRejected(f"a secret cannot be the variable {name} of an image; give it a `path`")
        words = [self._program, "run", "--rm", "--name", container_name(place), "--pull", "missing"]
        words += ["--cap-drop=ALL", "--security-opt=no-new-privileges", *self._user()]
        words += [] if self._options.network else ["--network=none"]
        for option, value in self._mounts(place, call):
            words += [option, value]
        words += ["--workdir", paths.working_directory(call.working_dir)]
        for name, value in {"HOME": paths.HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8", **call.env}.items():
            words += ["--env", f"{name}={value}"]
        for name in secrets:
            words += ["--env", name]
        vector = command.vector(call, paths.SCRIPT)
        if vector is None:
            words += ["--", call.image or "", *call.args]
        else:
            words += ["--entrypoint", vector[0], "--", call.image or "", *vector[1:]]
        return Start(words, {**self._client, **secrets}, place.name)

    def outcome(self, place: Place, end: End) -> tuple[int | None, str]:
        if end.code != ENGINE_FAILED:
            return end.code, ""
        return None, f"{self.name} could not run the image: {tail(place.log, 1000, 3).strip()}"

    def stop(self, place: Place, claim: Claim, number: signal.Signals) -> bool:
        """TERM goes to the client, which hands it on; KILL would end the client alone."""
        found = process.companions(claim)
        if number is signal.SIGKILL:
            quiet = subprocess.DEVNULL
            kill = [self._program, "kill", "--signal", "KILL", container_name(place)]
            with suppress(subprocess.TimeoutExpired):  # asked again a moment later
                subprocess.run(
                    kill, env=self._client, stdin=quiet, stdout=quiet, stderr=quiet, timeout=20, check=False
                )
        process.tell(found, number)
        return bool(found)

    def _mounts(self, place: Place, call: StepCall) -> Iterable[tuple[str, str]]:
        for seen, host, mode in mounts(call, place):
            for path in (seen, host):
                if ":" in path or "," in path:
                    raise LaunchRejected(f"'{path}' cannot be mounted: no ':' or ',' in paths with images")
            if mode == "rw":
                Path(host).mkdir(parents=True, exist_ok=True)
            yield "--volume", f"{host}:{seen}:{mode}"

    def _user(self) -> list[str]:
        """The user of the pass, so that what the step writes can be read and removed."""
        if self.name == "podman" and os.getuid() != 0:
            return ["--userns=keep-id"]
        return ["--user", f"{os.getuid()}:{os.getgid()}"]


def mounts(call: StepCall, place: Place) -> list[tuple[str, str, str]]:
    """(seen, on disk, mode): the directories of outputs, and the inputs that lie in none of these."""
    found = [
        (paths.WORK, str(place.work), "rw"),
        (paths.HOME, str(place.home), "rw"),
        ("/tmp", str(place.tmp), "rw"),
    ]
    if call.script is not None:
        found.append((paths.SCRIPT, str(place.script), "ro"))
    writable = {posixpath.dirname(paths.inside(path, call.working_dir)) for path in paths.outputs_of(call)}
    if call.bundle is not None:
        writable.add(paths.bundle_directory(call.working_dir))
    writable = {path for path in writable if not paths.is_private(path)}
    tops = {path for path in writable if not any(_is_below(path, other) for other in writable)}
    found += [(path, f"{place.root}{path}", "rw") for path in sorted(tops)]
    given = (*paths.inputs_of(call), *paths.secrets_of(call))
    for path in sorted({paths.inside(path, call.working_dir) for path in given}):
        if not paths.is_private(path) and not any(_is_below(path, top) for top in tops):
            found.append((path, f"{place.root}{path}", "ro"))
    return found


def container_name(place: Place) -> str:
    """Derived from the attempt and from where it lies: the same for whoever asks."""
    key = place.key
    mark = hashlib.sha256(place.name.encode()).hexdigest()[:12]
    return f"reconciler-{key.run_id}-{key.step}-{key.attempt}"[:100].rstrip("-") + f"-{mark}"


def find_engine(images: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Name and program of the engine that `images` asks for; empty when there is none that answers."""
    for name in ("podman", "docker") if images == "auto" else (images,):
        program = shutil.which(name, path=environment.get("PATH"))
        if program and _answers(program, environment):
            return name, program
    return "", ""


def _answers(program: str, environment: Mapping[str, str]) -> bool:
    """A docker client without its server is no engine."""
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            [program, "info"],
            env=dict(environment),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _is_below(path: str, other: str) -> bool:
    return path != other and path.startswith(other.rstrip("/") + "/")
