"""What objects in the cluster are called and labelled, derived from what they stand for. Pure.

A name is never random: whoever asks for the same attempt asks for the same pod, and that the name is
taken means that the attempt has been launched already.
"""

from __future__ import annotations

import base64
import hashlib
import re

from reconciler.model.run import AttemptKey

DOMAIN = "reconciler.dev"
MANAGER = "reconciler"

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
RUN = f"{DOMAIN}/run"
KIND = f"{DOMAIN}/kind"
FINALIZER = f"{DOMAIN}/record"

NOTE = f"{DOMAIN}/attempt"
SCRIPT = f"{DOMAIN}/script"
HASH = f"{DOMAIN}/spec-hash"
CANCELLED = f"{DOMAIN}/cancelled"
VERDICT = f"{DOMAIN}/verdict"
"""Annotations: what the attempt is; its script; what was asked for, as a hash; that it was told to stop;
how it was judged where its own status does not tell."""

_LABEL = re.compile(r"[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def pod_name(key: AttemptKey) -> str:
    """At most 58 characters: readable up to the 80 bits that make it unique."""
    return _short(key.run_id, key.step, f"{key.run_id}\0{key.step}\0{key.attempt}")


def object_name(key: AttemptKey) -> str:
    """The name of the object that stands for an attempt of a step with a manifest; short enough for what
    controllers hang behind it."""
    mark = _mark(f"{key.run_id}\0{key.step}\0{key.attempt}")[:10]
    return "-".join(part for part in (_slug(key.step, 20), str(key.attempt), mark) if part)


def anchor_name(run_id: str) -> str:
    """The name of the ConfigMap that keeps a run."""
    name = f"run-{run_id}"
    if len(name) <= 253 and _SUBDOMAIN.fullmatch(name):
        return name
    return f"run-{_slug(run_id, 40)}-{_mark(run_id)}"


def run_label(run_id: str) -> str:
    """The run as the value of a label: the id itself wherever it can be one."""
    if _LABEL.fullmatch(run_id):
        return run_id
    return "-".join(part for part in (_slug(run_id, 40), _mark(run_id)) if part)


def selector(instance: str) -> str:
    """What selects everything that is ours."""
    return f"{MANAGED_BY}={MANAGER},{INSTANCE}={instance}"


def _short(first: str, second: str, whole: str) -> str:
    parts = (_slug(first, 20), _slug(second, 20), _mark(whole))
    return "-".join(part for part in parts if part)


def _mark(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def _slug(text: str, limit: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:limit].strip("-")
