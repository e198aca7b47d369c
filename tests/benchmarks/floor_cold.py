"""What a cold pass cannot do without, as a script without an engine.

    python floor_cold.py REMOTE DIRECTORY SCHEMA

Clone, list, read, parse and check in a process for each processor, store.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import jsonschema_rs
import yaml


def git(directory: str, *arguments: str, stdin: bytes = b"") -> bytes:
    argv = ["git", f"--git-dir={directory}", *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout


def main(remote: str, directory: str, schema: str) -> None:
    clone = f"{directory}/clone.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", "--branch", "main", remote, clone], check=True)
    listed = git(clone, "ls-tree", "-r", "-z", "main").split(b"\0")[:-1]
    blobs = [line.split()[2] for line in listed]
    contents = split(git(clone, "cat-file", "--batch", "--buffer", stdin=b"\n".join(blobs) + b"\n"))
    with open(schema, "rb") as file:
        validator = jsonschema_rs.validator_for(json.load(file))

    global check

    def check(content: bytes) -> str:
        # PyYAML takes the key `on` for true; by way of JSON it is text again.
        text = json.dumps(yaml.load(content, yaml.CSafeLoader))
        validator.is_valid(json.loads(text))
        return text

    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        documents = pool.map(check, contents, chunksize=100)
    with sqlite3.connect(f"{directory}/state.db") as db:
        db.execute("CREATE TABLE files (blob TEXT PRIMARY KEY, document TEXT)")
        db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", zip(blobs, documents, strict=True))


def split(output: bytes) -> Iterator[bytes]:
    """The contents in what `cat-file --batch` wrote."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[2])
        yield output[end + 1 : end + 1 + size]
        at = end + size + 2


if __name__ == "__main__":
    main(*sys.argv[1:])
