"""Several writers on one branch: every commit arrives, exactly once, in each writer's order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.git.remotes import Remote

ROOT = Path(__file__).parents[2]
WRITERS = 4


def check_writers(remote: Remote, tmp_path: Path, pushes: int, commits: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.git.writer", remote.url]
    writers = [
        subprocess.Popen(
            [*command, tmp_path / f"clone{n}", f"writer-{n}", str(pushes), str(commits)], env=env, cwd=ROOT
        )
        for n in range(WRITERS)
    ]
    assert [writer.wait() for writer in writers] == [0] * WRITERS

    subjects = remote.log()
    assert Counter(subjects) == Counter(
        f"writer-{w} #{n}: Succeeded" for w in range(WRITERS) for n in range(pushes * commits)
    )
    for writer in range(WRITERS):
        mine = [subject for subject in subjects if subject.startswith(f"writer-{writer} ")]
        assert mine == [f"writer-{writer} #{n}: Succeeded" for n in range(pushes * commits)]
        assert remote.git("show", f"runs:writer-{writer}/run.json") == f'{{"number": {pushes * commits - 1}}}'
    remote.git("fsck", "--strict")


def test_row_22_four_writers_with_200_commits_each_in_10_pushes_lose_none(
    remote: Remote, tmp_path: Path
) -> None:
    check_writers(remote, tmp_path, pushes=10, commits=20)


@pytest.mark.slow
def test_row_22_four_writers_with_200_single_pushes_each_lose_none(remote: Remote, tmp_path: Path) -> None:
    check_writers(remote, tmp_path, pushes=200, commits=1)
