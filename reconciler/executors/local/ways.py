"""Which way a step runs here: what the operator allows, and what this machine has."""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import SettingsError
from reconciler.executors.local import credentials
from reconciler.executors.local.options import Options
from reconciler.executors.local.plain import Plain
from reconciler.executors.local.way import Way

if TYPE_CHECKING:
    from reconciler.executors.local.container import Container

ADD = "install bubblewrap (`apt install bubblewrap`)"
CHOOSE = "set executor.isolation to auto"
INSTALL = "Install bubblewrap (`apt install bubblewrap`), or set executor.isolation to none."


class Ways:
    """Looks at the machine once, when the first step asks; a way is imported when it is chosen."""

    def __init__(self, options: Options, attempts: Path) -> None:
        self._options = options
        self._attempts = attempts

    @cached_property
    def host(self) -> Way:
        """How commands run that have no image, or whose image is not used."""
        options = self._options
        if options.isolation == "none":
            installed = shutil.which("bwrap", path=options.path)
            return Plain(
                options, "executor.isolation is none", CHOOSE if installed else f"{CHOOSE}, and {ADD}"
            )
        program, lack = find_bubblewrap(options.path)
        if program:
            from reconciler.executors.local.bubblewrap import Bubblewrap

            home = Path(options.environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 (never fails)
            hidden = (self._attempts, *options.hidden, *credentials.usual_places(home))
            return Bubblewrap(options, program, hidden)
        if options.isolation == "bubblewrap":
            raise SettingsError(f"executor.isolation is bubblewrap, but {lack}.", hint=INSTALL)
        return Plain(options, lack, ADD)

    @cached_property
    def engine(self) -> Container | None:
        """What runs images."""
        if self._options.images == "none":
            return None
        from reconciler.executors.local.container import Container, find_engine

        name, program = find_engine(self._options.images, self._options.environment)
        if program:
            return Container(self._options, name, program)
        if self._options.images == "auto":
            return None
        raise SettingsError(
            f"executor.images is {self._options.images}, but it does not answer here.",
            hint=f"Try `{self._options.images} info`, or set executor.images to auto or none.",
        )

    def choose(self, image: str | None) -> Way:
        """How a step with this image, or with none, is run."""
        return self.engine if image and self.engine else self.host

    def note(self, image: str | None) -> str:
        """What the run must say of it: that a command ran without its image."""
        if not image or self.engine:
            return ""
        # who set `none` knows why; it stands beside every step, so it is short
        why = "" if self._options.images == "none" else f": {self._no_engine}"
        return f"ran on the host, not in '{image}'{why}"

    def lack_of_image(self, image: str | None) -> str:
        """Why a step that has nothing to run but an image cannot run here."""
        cure = "install podman or docker"
        if self._options.images == "none":
            cure = "set executor.images to auto, podman or docker"
        return (
            f"the step has no command of its own, only the image '{image}', and {self._no_engine}; "
            f"{cure}, or give the step a command"
        )

    @property
    def _no_engine(self) -> str:
        if self._options.images == "none":
            return "executor.images is none"
        return "neither podman nor docker answers here"

    def by_name(self, name: str) -> Way:
        """The way that an adopted attempt was started, whatever is set now."""
        if name == Plain.name:
            return Plain(self._options)
        if self.engine and name == self.engine.name:
            return self.engine
        return self.host


def find_bubblewrap(path: str) -> tuple[str, str]:
    """The program, or why there is none that works: user namespaces may be forbidden here."""
    import subprocess

    program = shutil.which("bwrap", path=path)
    if program is None:
        return "", "bubblewrap is not installed"
    probe = [program, "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        done = subprocess.run(probe, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"bubblewrap does not run: {error}"
    if done.returncode:
        return "", f"bubblewrap does not work here: {done.stderr.decode('utf-8', 'replace').strip()}"
    return program, ""
