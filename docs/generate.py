"""Write the pages of docs/ that are made from the code: `python -m docs.generate`, or `--check` them.

docs/settings.md and docs/reconciler.example.yaml come from the table of settings, docs/cli.md from the
help of the commands, docs/definitions.md from the schema, and two pages of the chart from its values.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from docs import chart, definitions
from reconciler.cli import COMMANDS
from reconciler.cli.commands import reconciler
from reconciler.settings import Setting, Settings, shown, table
from reconciler.settings.table import GROUPS

HERE = Path(__file__).parent

SETTINGS_HEAD = """\
# Settings

<!-- Made by docs/generate.py from reconciler/settings/groups.py. -->

The operator's word: where the repository is, where results go, what steps may do. A setting is looked up
in this order, and the first that gives it wins:

1. a flag, such as `--repository-url` (`repository.url` below);
2. an environment variable, such as `RECONCILER_REPOSITORY_URL`;
3. the file given by `--config` or `RECONCILER_CONFIG`, such as
   [reconciler.example.yaml](reconciler.example.yaml).

Nothing is ever read from the repository that is reconciled: who may push workflows must not be able to
move the ledger, the store or the limits. Unknown flags, `RECONCILER_*` variables and keys are errors, all
reported at once, with what was probably meant.

`reconciler doctor` shows every setting that was given and where it came from, and tries what they name.

- A **duration** is a number with `ms`, `s`, `m`, `h` or `d`; without a unit, seconds.
- A **size** is a number with `B`, `KiB`, `MiB`, `GiB` or `TiB`; without a unit, bytes.
- A **list** is a YAML list in the file, and separated by commas elsewhere.
- A relative **path** starts from the settings file's directory, and elsewhere from the current one.
- A **secret** is given by a file (`*_file`), which is read when it is needed, or by the environment; it has
  no flag, is refused in the settings file, and is never shown.
"""

EXAMPLE_HEAD = """\
# Every setting of Reconciler, with its default or an example; see docs/settings.md.
# Give this file by --config or RECONCILER_CONFIG. Made by docs/generate.py.
"""


def default(row: Setting) -> str:
    """The default as the documentation shows it."""
    about = row.about
    if about.otherwise:
        return about.otherwise
    if about.kind.name == "duration":
        return f"{about.default:g}s"
    if about.kind.name == "size":
        return next(
            f"{about.default // unit}{name}"
            for name, unit in (("MiB", 2**20), ("KiB", 2**10), ("B", 1))
            if about.default % unit == 0
        )
    return shown(row.of(Settings()))


def settings_page() -> str:
    parts = [SETTINGS_HEAD]
    for name, group in GROUPS.items():
        parts.append(f"\n## {name}\n\n{group.__doc__}\n")
        for row in (row for row in table().values() if row.group == name):
            about = row.about
            facts = [about.kind.name, f"default `{default(row)}`" if default(row) else "no default"]
            names = " · ".join(f"`{word}`" for word in (row.flag, row.variable) if word)
            example = f" Example: `{about.example}`." if about.example else ""
            parts.append(f"\n### {row.name}\n\n{about.text}{example}\n\n{'; '.join(facts)} · {names}\n")
    return "".join(parts)


def example_file() -> str:
    lines = [EXAMPLE_HEAD]
    for name, group in GROUPS.items():
        lines.append(f"\n# {group.__doc__}\n{name}:\n")
        for row in (row for row in table().values() if row.group == name):
            lines.append(f"  # {row.about.text}\n")
            if row.about.kind.secret:
                lines.append(f"  # {row.attribute}: only as {row.variable}\n")
            else:
                lines.append(f"  # {row.attribute}: {quoted(row.about.example)}\n")
    return "".join(lines)


def quoted(text: str) -> str:
    """`text` as a YAML scalar."""
    return f'"{text}"' if "{" in text or "," in text else text


CLI_HEAD = """\
# Commands

<!-- Made by docs/generate.py from the help of the commands. -->

Data goes to stdout, remarks and progress to stderr. `--output json` prints documents that
[schemas/output.schema.json](../schemas/output.schema.json) describes; `show` and `run` print the record of
[schemas/record.schema.json](../schemas/record.schema.json). Fields are added, never removed. Colour and live
progress are for terminals only; `NO_COLOR=1` switches colour off.

Every setting of [settings.md](settings.md) is also a flag of each command that reads settings; `--help` lists
the few that people need often.

| exit code | |
|---|---|
| 0 | done |
| 1 | something in the world failed, or what was checked is wrong |
| 2 | wrong usage or settings |
| 3 | a bug; the message names the file with the report |
| 75 | another pass is at work; try again later |
| 76 | this pass lost its Lease in mid-work and wrote nothing more; the next one goes on |
| 130 | interrupted; what had to be ended in order was |

**Completion** of commands, options and names of workflows, for this shell; put it into its start-up file:

```console
$ eval "$(_RECONCILER_COMPLETE=bash_source reconciler)"      # or zsh_source
$ _RECONCILER_COMPLETE=fish_source reconciler | source
```
"""


def cli_page() -> str:
    """The help of every command, as a terminal of 100 columns shows it."""
    parts = [CLI_HEAD]
    parts += [f"\n## {name}\n\n```text\n{help_of(name)}\n```\n" for name in COMMANDS]
    return "".join(parts)


def help_of(name: str) -> str:
    above = reconciler.make_context("reconciler", [], resilient_parsing=True)
    command = reconciler.get_command(above, name)
    assert command is not None
    context = click.Context(command, above, name, terminal_width=100, max_content_width=100)
    return command.get_help(context).rstrip()


PAGES = {
    "settings.md": settings_page,
    "reconciler.example.yaml": example_file,
    "cli.md": cli_page,
    "definitions.md": definitions.page,
    "../charts/reconciler/values.schema.json": chart.schema_file,
    "../charts/reconciler/README.md": chart.readme,
}


def main() -> int:
    stale = [name for name, make in PAGES.items() if not same(HERE / name, make())]
    for name in stale:
        print(f"docs/{name} is not what the code says; run `python -m docs.generate`.", file=sys.stderr)
    return 1 if stale else 0


def same(path: Path, text: str) -> bool:
    """Whether the page is up to date; without --check it always is, afterwards."""
    if "--check" in sys.argv:
        return path.exists() and path.read_text() == text
    path.write_text(text)
    return True


if __name__ == "__main__":
    sys.exit(main())
