"""What the API server may answer, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ExecutorUnavailable, LeaseLost, SettingsError
from reconciler.executors.kubernetes.client import Client, Refused, patiently
from reconciler.executors.kubernetes.options import KubernetesOptions
from tests.executors.kubernetes.scripted import Answer, Api, Request, Script, api

Serve = Callable[..., tuple[Client, Api]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A client of a server that follows a script, or gives these answers in turn."""
    with ExitStack() as stack:

        def start(*answers: Answer | None, script: Script | None = None, **more: Any) -> tuple[Client, Api]:
            left = list(answers)
            server = stack.enter_context(api(tmp_path, script or (lambda request: left.pop(0))))
            options = KubernetesOptions(kubeconfig=server.kubeconfig, rate=10_000.0, burst=10_000)
            return Client(options, threading.Event(), **more), server

        yield start


def status(code: int, reason: str, message: str, **headers: str) -> Answer:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return Answer(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_namespace_and_the_credentials_come_from_the_kubeconfig(serve: Serve) -> None:
    client, server = serve(Answer(201, {"kind": "Pod"}))
    assert client.create(client.namespaced("pods"), {"kind": "Pod"}) == {"kind": "Pod"}
    assert server.asked == [Request("POST", "/api/v1/namespaces/flows/pods", {}, {"kind": "Pod"})]


def test_a_kubeconfig_that_is_none_is_a_wrong_setting(tmp_path: Path) -> None:
    options = KubernetesOptions(kubeconfig=str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="no access to a cluster"):
        Client(options, threading.Event()).get("/version")


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_later_means_later(serve: Serve, code: int) -> None:
    client, _ = serve(status(code, "TooManyRequests", "not now", retry_after="7"))
    with pytest.raises(ExecutorUnavailable, match="not now") as caught:
        client.create("/x", {})
    assert caught.value.retry_after == 7.0


def test_a_create_that_was_told_to_wait_is_sent_again(serve: Serve) -> None:
    client, server = serve(
        status(429, "TooManyRequests", "not now", retry_after="0"), None, Answer(201, {"kind": "Pod"})
    )
    assert patiently(lambda: client.create("/x", {}), threading.Event(), 30.0) == {"kind": "Pod"}
    assert len(server.asked) == 3


def test_patience_ends(serve: Serve) -> None:
    client, _ = serve(script=lambda request: None)
    with pytest.raises(ExecutorUnavailable, match="did not answer to post /x"):
        patiently(lambda: client.create("/x", {}), threading.Event(), 0.5)


@pytest.mark.parametrize(
    ("code", "reason", "message", "is_quota"),
    [
        (403, "Forbidden", 'pods "a" is forbidden: exceeded quota: small, requested: pods=1', True),
        (403, "Forbidden", 'pods "a" is forbidden: violates PodSecurity "restricted:latest"', False),
        (404, "NotFound", 'namespaces "flows" not found', False),
        (409, "AlreadyExists", 'pods "a" already exists', False),
        (422, "Invalid", "spec.containers: Required value", False),
    ],
)
def test_no_means_no_in_the_words_of_the_cluster(
    serve: Serve, code: int, reason: str, message: str, is_quota: bool
) -> None:
    client, _ = serve(status(code, reason, message))
    with pytest.raises(Refused) as caught:
        client.create("/x", {})
    found = caught.value
    assert (found.status, found.reason, found.text, found.is_quota) == (code, reason, message, is_quota)
    assert message in found.message


def test_an_answer_that_is_no_json_is_no_answer(serve: Serve) -> None:
    client, _ = serve(Answer(200, lines=(b"<html>",)), Answer(200, lines=(b"<html>\n",)))
    with pytest.raises(ExecutorUnavailable):
        client.list("/x", "a=b")
    with pytest.raises(ExecutorUnavailable):
        list(client.watch("/x", "a=b", "41", 5))
    client, _ = serve(Answer(403, lines=()))
    with pytest.raises(Refused, match="403"):
        client.get("/x")


def test_a_list_is_read_page_by_page(serve: Serve) -> None:
    def pages(request: Request) -> Answer:
        token = request.query.get("continue", "")
        following = {"": "p2", "p2": "p3"}.get(token, "")
        metadata = {"resourceVersion": "41", "continue": following}
        return Answer(200, {"items": [{"page": token}], "metadata": metadata})

    client, server = serve(script=pages)
    assert client.list("/x", "a=b") == ([{"page": ""}, {"page": "p2"}, {"page": "p3"}], "41")
    assert {request.query["labelSelector"] for request in server.asked} == {"a=b"}
    assert "resourceVersion" not in server.asked[0].query  # a consistent list, not one from a cache


def test_a_watch_gives_what_comes_and_ends_with_the_connection(serve: Serve) -> None:
    events = ({"type": "ADDED", "object": {"n": 1}}, {"type": "BOOKMARK", "object": {"n": "ü" * 70_000}})
    client, server = serve(Answer(200, lines=events))
    assert tuple(client.watch("/x", "a=b", "41", 5)) == events
    assert server.asked[0].query == {
        "labelSelector": "a=b",
        "watch": "1",
        "resourceVersion": "41",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "5",
    }


def test_a_silent_connection_ends_by_its_timeout(serve: Serve) -> None:
    client, _ = serve(Answer(200, lines=("first",), hangs=True))
    chunks = client.stream("/x", {}, silence=0.2)
    assert next(chunks) == b""
    assert next(chunks) == b'"first"\n'
    with pytest.raises(ExecutorUnavailable, match="did not answer"):
        next(chunks)


def test_a_pass_that_must_not_write_does_not(serve: Serve) -> None:
    def refuse() -> None:
        raise LeaseLost("somebody else holds it")

    client, server = serve(Answer(200, {"items": []}), allow=refuse)
    for write in (
        lambda: client.create("/x", {}),
        lambda: client.patch("/x", {}),
        lambda: client.delete("/x"),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert client.get("/x") == {"items": []}
    assert [request.method for request in server.asked] == ["GET"]


def test_a_deletion_names_grace_and_object(serve: Serve) -> None:
    client, server = serve(Answer(200, {}), Answer(200, {}))
    client.delete("/x", grace=0, uid="u-1")
    client.delete("/x")
    assert [request.body for request in server.asked] == [
        {"propagationPolicy": "Background", "gracePeriodSeconds": 0, "preconditions": {"uid": "u-1"}},
        {"propagationPolicy": "Background"},
    ]
