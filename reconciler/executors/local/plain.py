"""Steps as ordinary processes of the host: relative paths only, nothing hidden, nothing enforced."""

from __future__ import annotations

import posixpath
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.errors import LaunchRejected
from reconciler.executors import command, paths
from reconciler.executors.local import process
from reconciler.executors.local.options import Options
from reconciler.executors.local.place import Place
from reconciler.executors.local.process import Claim, End
from reconciler.executors.local.way import Start, cookie
from reconciler.model.run import StepCall


class Plain:
    """Without bubblewrap."""

    name = "plain"
    on_host = True
    reaps = False

    def __init__(self, options: Options, why: str = "", cure: str = "") -> None:
        self._options = options
        self._why = why
        self._cure = cure

    def refusal(self, named: Iterable[str], working_dir: str | None) -> str | None:
        for path in [*named, working_dir or "."]:
            if posixpath.isabs(path):
                return (
                    f"the absolute path '{path}' needs a private view of the file system, but {self._why}; "
                    f"write a relative path, or {self._cure}"
                )
        return None

    def locate(self, place: Place, seen: str) -> tuple[Path, str]:
        spot = paths.spot(seen)
        if spot.base != "work":
            raise LaunchRejected(f"'{seen}' is not in the working directory")
        return place.work, spot.relative

    def set_up(self, place: Place, call: StepCall, secrets: Mapping[str, str]) -> Start:
        base, relative = self.locate(place, paths.working_directory(call.working_dir))
        standard = {
            "PATH": self._options.path,
            "HOME": str(place.home),
            "TMPDIR": str(place.tmp),
            "LANG": "C.UTF-8",
        }
        environment = {**standard, **call.env, **secrets, process.COOKIE: cookie(place)}
        return Start(command.on_host(call, str(place.script)), environment, str(base / relative))

    def outcome(self, place: Place, end: End) -> tuple[int | None, str]:
        return end.code, ""

    def stop(self, place: Place, claim: Claim, number: signal.Signals) -> bool:
        found = {*process.members([cookie(place)]), *process.companions(claim)}
        process.tell(found, number)
        return bool(found)
