"""What a pass over one changed definition cannot do without, as a script without an engine.

    python floor_one_change.py CLONE DATABASE SCHEMA LEDGER PATH

Fetch, list the tree, read what is new, check it, run one process, note all that, commit the result, push.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time

import jsonschema_rs
import yaml


class Loader(yaml.CSafeLoader):
    """Without YAML 1.1's booleans, which would make one of the key `on`."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the parent has it
        first: [(tag, rule) for tag, rule in rules if not tag.endswith(":bool")]
        for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def git(directory: str, *arguments: str, stdin: bytes = b"") -> bytes:
    argv = ["git", f"--git-dir={directory}", *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout


def main(clone: str, database: str, schema: str, ledger: str) -> None:
    db = sqlite3.connect(database, isolation_level=None)
    git(
        clone,
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-auto-maintenance",
        "origin",
        "+refs/heads/main:refs/heads/main",
    )
    listed = git(clone, "ls-tree", "-r", "-z", "refs/heads/main").split(b"\0")[:-1]
    files = {
        path.decode(): about.split()[2].decode() for about, path in (line.split(b"\t", 1) for line in listed)
    }
    known = dict(db.execute("SELECT path, blob FROM files"))
    changed = {path: blob for path, blob in files.items() if known.get(path) != blob}
    with open(schema, "rb") as file:
        validator = jsonschema_rs.validator_for(json.load(file))
    for blob in changed.values():
        document = yaml.load(git(clone, "cat-file", "blob", blob), Loader)
        validator.is_valid(document)  # what it finds does not matter here, only what it takes
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", changed.items())
    db.execute("INSERT INTO runs VALUES (?)", (json.dumps(document),))
    db.execute("COMMIT")
    done = subprocess.run(["true"], capture_output=True, check=True)
    db.execute("UPDATE runs SET document = document || ?", (str(done.returncode),))
    git(
        ledger,
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-auto-maintenance",
        "origin",
        "+refs/heads/runs:refs/heads/runs",
    )
    name = document["metadata"]["name"]
    page = f"# {name}\n".encode() * 100
    git(ledger, "fast-import", "--quiet", "--force", stdin=commit(name, page))
    git(ledger, "push", "--quiet", "origin", "refs/outgoing:refs/heads/runs")


def commit(name: str, page: bytes) -> bytes:
    who = b"Floor <floor@example.com> %d +0000" % time.time()
    files = b"".join(
        b"M 100644 inline %s/%s\ndata %d\n%s\n" % (name.encode(), file, len(page), page)
        for file in (b"run.json", b"README.md")
    )
    head = b"reset refs/outgoing\nfrom refs/heads/runs^0\n\ncommit refs/outgoing\n"
    return head + b"committer %s\ndata 4\nrun\n\n%s" % (who, files)


if __name__ == "__main__":
    main(*sys.argv[1:])
