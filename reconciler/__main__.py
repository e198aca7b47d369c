"""Where the process begins: answers the commonest pass, with nothing to do, before loading the rest."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.settings import Settings


def main() -> int:
    """The command line, as `reconciler` and as `python -m reconciler`; leaves with the exit code."""
    code = run(sys.argv[1:])
    if sys.gettrace() or sys.getprofile():
        return code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return code
    # To take hundreds of modules apart, as Python does at its end, is a tenth of a short pass. Everything
    # that must be closed is closed by the commands; a pass may be killed at any point anyway.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; returns the exit code."""
    settings = _settings(arguments[1:]) if arguments[:1] == ["pass"] else None
    if settings is not None:
        return _pass(settings)
    _collect_rarely()
    from reconciler import cli

    return cli.run(arguments)


def _settings(arguments: Sequence[str]) -> Settings | None:
    """Those of a pass; None for anything unusual, which is left to the real command line."""
    from reconciler.errors import ReconcilerError
    from reconciler.settings import read_settings, table

    names = {row.flag: row.name for row in table().values() if row.flag} | {"--config": "config"}
    flags: dict[str, str] = {}
    for flag, text in _pairs(arguments):
        if flag not in names or text is None:
            return None
        flags[names[flag]] = text
    config = flags.pop("config", None)
    try:
        return read_settings(flags, config=config)
    except ReconcilerError:
        return None


def _pass(settings: Settings) -> int:
    """One pass: at once where it has nothing to do, else by all that is there."""
    from reconciler import quiet

    revision = quiet.is_quiet(settings)
    if revision is not None:
        _tell(settings, revision)
        return 0
    _collect_rarely()
    from reconciler import cli

    try:
        return cli.run_pass(settings)
    finally:
        quiet.give_up()


def _collect_rarely() -> None:
    """Values here are rarely in circles, and what is imported stays: a tenth of a pass went into looking."""
    import gc

    gc.set_threshold(50_000, 20, 50)


def _tell(settings: Settings, revision: str) -> None:
    """What the summary of the real command line would tell, as the settings want it."""
    text = f"nothing to do at {revision[:12]}"
    if settings.logging.format == "json":
        import json
        import time

        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        counts = {"started": 0, "published": 0, "openRuns": 0, "errors": []}
        line = {"at": at, "level": "info", "event": "summary", "text": text, "revision": revision, **counts}
        text = json.dumps(line)
    if settings.logging.level != "error":
        print(text, file=sys.stderr)


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """`--flag text` and `--flag=text`; a flag without a text has none."""
    rest = iter(arguments)
    for word in rest:
        flag, equals, text = word.partition("=")
        yield flag, text if equals else next(rest, None)


if __name__ == "__main__":
    sys.exit(main())
