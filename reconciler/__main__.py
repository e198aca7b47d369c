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
    if arguments[:1] != ["pass"]:
        return _carry_out(arguments)
    if _is_quiet(arguments[1:]):
        return 0
    from reconciler import quiet

    try:
        return _carry_out(arguments)
    finally:
        quiet.give_up()


def _carry_out(arguments: Sequence[str]) -> int:
    """The real command line."""
    import gc

    # Values here are rarely in circles, and what is imported stays: a tenth of a pass went into looking.
    gc.set_threshold(50_000, 20, 50)
    from reconciler import cli

    return cli.run(arguments)


def _is_quiet(arguments: Sequence[str]) -> bool:
    """Whether this pass has nothing to do; tells so. Anything unusual is left to the real command line."""
    from reconciler import quiet
    from reconciler.errors import ReconcilerError
    from reconciler.settings import read_settings, table

    names = {row.flag: row.name for row in table().values() if row.flag} | {"--config": "config"}
    flags: dict[str, str] = {}
    for flag, text in _pairs(arguments):
        if flag not in names or text is None:
            return False
        flags[names[flag]] = text
    config = flags.pop("config", None)
    try:
        settings = read_settings(flags, config=config)
        revision = quiet.is_quiet(settings)
    except ReconcilerError:
        return False
    if revision is not None:
        _tell(settings, revision)
    return revision is not None


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
