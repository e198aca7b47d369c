"""Derived names: the same run, step and attempt have the same name in every pass, on every machine."""

from __future__ import annotations

import hashlib

from reconciler.model.run import AttemptKey, Trigger


def run_id(workflow: str, number: int, revision: str, digest: str, trigger: Trigger) -> str:
    """`train-12-3f9a1c2b`: readable, and different when anything that makes the run differs."""
    text = "\0".join((workflow, str(number), revision, digest, str(trigger)))
    return f"{workflow}-{number}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def attempt_prefix(workflow: str, key: AttemptKey) -> str:
    """Where in the artifact store the attempt may write."""
    return f"runs/{workflow}/{key.run_id}/{key.step}/{key.attempt}/"


def spread(key: AttemptKey) -> float:
    """A number in [-1, 1) that belongs to the attempt: jitter that a repeated decision does not change."""
    digest = hashlib.sha256(str(key).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1
