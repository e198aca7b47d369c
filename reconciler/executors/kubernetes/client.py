"""The one place that speaks to the API server: JSON in, JSON out, and our own errors.

Reads and writes are sent once; whoever can do it again decides for how long (`patiently`). A connection
that went silent ends by its timeout, never by itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3

from reconciler.errors import ExecutorUnavailable, PermanentError
from reconciler.executors.kubernetes.access import Access, connect
from reconciler.executors.kubernetes.bucket import Bucket
from reconciler.executors.kubernetes.options import KubernetesOptions

T = TypeVar("T")

CONNECT, READ = 5.0, 30.0
"""Seconds for a connection, and for an answer."""

PAGE = 500
MERGE_PATCH = "application/merge-patch+json"
ANSWER = "application/json, */*"
_BRIEF = f"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, {ANSWER}"
_BRIEF_LIST = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, {ANSWER}"
"""For answers without spec and status, which the API server then need not write down."""

_LATER = frozenset({408, 429, 500, 502, 503, 504})


class Refused(PermanentError):
    """The API server said no; `status` is HTTP's, `reason` and `message` its own."""

    def __init__(self, what: str, status: int, reason: str, message: str) -> None:
        super().__init__(f"the cluster refused to {what}: {message or reason} ({status})")
        self.status, self.reason, self.text = status, reason, message

    @property
    def is_quota(self) -> bool:
        return self.status == 403 and "quota" in self.text


class Client:
    """A namespace of a cluster. Connects when it is first used; from any thread.

    `allow` is asked before each write, and raises where the pass must not write any more; an answer
    may take `patience` seconds.
    """

    def __init__(
        self,
        options: KubernetesOptions,
        stopping: threading.Event,
        allow: Callable[[], None] = lambda: None,
        *,
        patience: float = READ,
    ) -> None:
        self._patience = patience
        self._options = options
        self._allow = allow
        self._stopping = stopping
        self._bucket = Bucket(options.rate, options.burst)

    @cached_property
    def _access(self) -> Access:
        return connect(self._options, self._options.writers * 2 + 64)

    @property
    def namespace(self) -> str:
        return self._access.namespace

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self._json("GET", path, query)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._json("POST", path, {}, body)

    def make(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The same; the metadata of what was made."""
        found: dict[str, Any] = self._json("POST", path, {}, body, accept=_BRIEF)["metadata"]
        return found

    def replace(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The whole object; refused with 409 where it is not at the resourceVersion of `body` any more."""
        return self._json("PUT", path, {}, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """A JSON merge patch: None removes."""
        self._json("PATCH", path, {}, body, MERGE_PATCH, accept=_BRIEF)

    def delete(self, path: str, grace: int | None = None, uid: str = "") -> None:
        """Ask for the end of an object, of this very one where `uid` is given."""
        self._json("DELETE", path, {}, _deletion(grace, uid), accept=_BRIEF)

    def delete_all(self, path: str, selector: str, grace: int | None = None) -> None:
        """Ask for the end of everything that the selector selects, in one request."""
        query = {"labelSelector": selector}
        self._json("DELETE", path, query, _deletion(grace), accept=_BRIEF_LIST)

    def list(self, path: str, selector: str) -> tuple[list[dict[str, Any]], str]:
        """Every object, as they all were at one moment, and the version of that moment."""
        found: list[dict[str, Any]] = []
        query = {"labelSelector": selector, "limit": str(PAGE)}
        while True:
            page = self._json("GET", path, query)
            found += page["items"]
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                return found, page["metadata"]["resourceVersion"]

    def watch(self, path: str, selector: str, version: str, seconds: int) -> Iterator[dict[str, Any]]:
        """What changes after `version`, for at most so long; silence ends it a little later."""
        query = {
            "labelSelector": selector,
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        rest = b""
        with closing(self.stream(path, query, silence=seconds + 5.0)) as chunks:
            for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield _event(line)

    def stream(self, path: str, query: Mapping[str, str], silence: float) -> Generator[bytes, None, None]:
        """The body as it arrives; ends, or raises ExecutorUnavailable when nothing came for `silence` s."""
        with _translated(f"read {path}"):
            answer = self._send("GET", path, query, None, ("", ANSWER), read=silence, whole=False)
            try:
                if answer.status >= 400:
                    raise self._error("GET", path, answer)
                yield b""  # it is open
                yield from answer.stream(amt=65536, decode_content=True)
            finally:
                answer.close()
                answer.release_conn()

    def namespaced(self, resource: str, name: str = "", rest: str = "") -> str:
        """The path of something of the core API in our namespace."""
        parts = ["/api/v1/namespaces", self.namespace, resource, name, rest]
        return "/".join(part for part in parts if part)

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = ANSWER,
    ) -> dict[str, Any]:
        if method != "GET":
            self._bucket.take(self._stopping)
            self._allow()
        with _translated(f"{method.lower()} {path}"):
            content = (content_type, accept)
            answer = self._send(method, path, query, body, content, read=self._patience, whole=True)
            if answer.status >= 400:
                raise self._error(method, path, answer)
            found: dict[str, Any] = json.loads(answer.data)
            return found

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
        content: tuple[str, str],
        *,
        read: float,
        whole: bool,
    ) -> Any:
        content_type, accept = content
        headers = {"accept": accept, "user-agent": "reconciler", **self._access.headers()}
        if body is not None:
            headers["content-type"] = content_type
        words = urlencode({name: value for name, value in query.items() if value})
        return self._access.pool.request(
            method,
            f"{self._access.host}{path}{'?' if words else ''}{words}",
            headers=headers,
            body=None if body is None else json.dumps(body),
            timeout=urllib3.Timeout(connect=CONNECT, read=read),
            preload_content=whole,
            retries=False,
            redirect=False,
        )

    def _error(self, method: str, path: str, answer: Any) -> Exception:
        reason, message = _said(answer.data)
        if answer.status not in _LATER:
            return Refused(f"{method.lower()} {path}", answer.status, reason or str(answer.reason), message)
        if answer.status in (429, 503):
            self._bucket.slow_down()
        wait = answer.headers.get("retry-after", "")
        return ExecutorUnavailable(
            f"the cluster answers {answer.status} to {method} {path}: {message or answer.reason}",
            retry_after=float(wait) if wait.isdigit() else None,
        )


def _deletion(grace: int | None = None, uid: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {"propagationPolicy": "Background"}
    if grace is not None:
        body["gracePeriodSeconds"] = grace
    if uid:
        body["preconditions"] = {"uid": uid}
    return body


def patiently(act: Callable[[], T], stopping: threading.Event, patience: float | None = None) -> T:
    """Do it again while the API server is away: for `patience` seconds, or until everything stops."""
    deadline = None if patience is None else time.monotonic() + patience
    pause = 0.1
    while True:
        try:
            return act()
        except ExecutorUnavailable as error:
            wait = max(pause, error.retry_after or 0.0)
            is_late = deadline is not None and time.monotonic() + wait > deadline
            if is_late or stopping.wait(wait):
                raise
        pause = min(pause * 2, 5.0)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if isinstance(error, urllib3.exceptions.LocationValueError):
            raise
        raise ExecutorUnavailable(f"the cluster did not answer to {what}: {error}") from error


def _event(line: bytes) -> dict[str, Any]:
    with _translated("watch"):
        found: dict[str, Any] = json.loads(line)
        return found


def _said(body: bytes) -> tuple[str, str]:
    """Reason and message of a Status object, else the beginning of whatever it is."""
    try:
        status = json.loads(body)
        return str(status.get("reason") or ""), str(status.get("message") or "")
    except (ValueError, AttributeError):
        return "", body[:300].decode("utf-8", "replace").strip()
