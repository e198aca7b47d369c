"""The Lease on a real API server: one holder, renewed, lost for good, and shards that give way."""

from __future__ import annotations

import threading
import time

import pytest

from reconciler.core.shard import Layout, Shard
from reconciler.errors import EXIT_BUSY, ExecutorUnavailable, LeaseLost, LockHeld, PermanentError
from reconciler.executors.kubernetes.lease import Lease
from reconciler.executors.kubernetes.leases import ClusterLeases
from reconciler.executors.kubernetes.shards import ShardLease

SHORT = 3.0
"""Seconds: of a Lease that is to be renewed while a test looks on."""


@pytest.fixture
def leases(kwok_cluster, kwok_namespace) -> ClusterLeases:
    return ClusterLeases(kwok_namespace, kubeconfig=str(kwok_cluster.kubeconfig))


def shard(leases, index, count, who, duration=30.0) -> ShardLease:
    return ShardLease(leases, "team", Shard(index, count), who, duration=duration)


def until(happened) -> None:
    while not happened():
        time.sleep(0.02)


def is_lost(lease) -> bool:
    try:
        lease.check()
    except LeaseLost:
        return True
    return False


def test_the_second_pass_is_told_who_the_first_is(leases):
    first = Lease(leases, "one", "pod-a")
    first.acquire()
    first.check()
    with pytest.raises(LockHeld) as caught:
        Lease(leases, "one", "pod-b").acquire()
    assert caught.value.exit_code == EXIT_BUSY
    since = leases.read("one")["spec"]["acquireTime"]
    place = f"{leases.namespace}/one"
    assert caught.value.message == f"another pass is at work: pod-a, since {since}, holds the Lease {place}"
    first.release()


def test_of_many_that_begin_at_once_one_gets_it(leases):
    many = [Lease(leases, "one", f"pod-{n}") for n in range(8)]
    got: list[Lease] = []

    def try_it(lease: Lease) -> None:
        try:
            lease.acquire()
        except LockHeld:
            return
        got.append(lease)

    threads = [threading.Thread(target=try_it, args=[lease]) for lease in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    got[0].release()


def test_a_released_lease_is_free_at_once_and_cannot_be_written_under(leases):
    first, second = Lease(leases, "one", "pod-a"), Lease(leases, "one", "pod-b")
    first.acquire()
    first.release()
    second.acquire()
    second.check()
    assert is_lost(first)
    assert leases.read("one")["spec"]["leaseTransitions"] == 1
    second.release()


def test_it_is_renewed_for_as_long_as_it_is_held(leases):
    lease = Lease(leases, "one", "pod-a", duration=SHORT)
    lease.acquire()
    begun = leases.read("one")["spec"]["renewTime"]
    end = time.monotonic() + 2 * SHORT
    until(lambda: time.monotonic() > end)
    lease.check()
    assert leases.read("one")["spec"]["renewTime"] > begun
    lease.release()


def test_who_finds_another_name_in_it_writes_no_more_and_leaves_it_alone(leases):
    lease = Lease(leases, "one", "pod-a", duration=SHORT)
    lease.acquire()
    taken = leases.read("one")
    taken["spec"]["holderIdentity"] = "pod-b"
    while leases.replace(taken) is None:
        taken = {**leases.read("one"), "spec": taken["spec"]}
    until(lambda: is_lost(lease))
    with pytest.raises(LeaseLost, match=r"stops writing: pod-b, since .* holds the Lease"):
        lease.check()
    lease.release()
    assert leases.read("one")["spec"]["holderIdentity"] == "pod-b"


def test_a_lease_that_was_deleted_is_lost(leases):
    lease = Lease(leases, "one", "pod-a", duration=SHORT)
    lease.acquire()
    leases.delete("one")
    until(lambda: is_lost(lease))
    with pytest.raises(LeaseLost, match="somebody deleted it"):
        lease.check()
    lease.release()


class Silent:
    """The Leases of an API server that stopped answering."""

    def __init__(self, leases: ClusterLeases) -> None:
        self.namespace = leases.namespace
        self.read, self.create = leases.read, leases.create

    def replace(self, body):
        raise ExecutorUnavailable("it is silent")


def test_while_the_api_server_is_silent_it_holds_for_its_duration_and_no_longer(leases):
    lease = Lease(Silent(leases), "one", "pod-a", duration=SHORT)
    began = time.monotonic()
    lease.acquire()
    lease.check()
    until(lambda: is_lost(lease))
    assert time.monotonic() - began >= SHORT
    with pytest.raises(LeaseLost, match="it could not be renewed: it is silent"):
        lease.check()
    lease.release()


def test_shards_of_one_layout_work_side_by_side(leases):
    four = [shard(leases, index, 4, f"pod-{index}") for index in range(4)]
    assert [each.acquire() for each in four] == [Layout(4, 1)] * 4
    with pytest.raises(LockHeld, match=r"pod-2, since .* holds the Lease"):
        shard(leases, 2, 4, "another").acquire()
    for each in four:
        each.release()


def test_a_pass_of_another_layout_gives_way_and_lets_go_of_its_own(leases):
    old = shard(leases, 1, 2, "pod-old")
    old.acquire()
    new = shard(leases, 0, 4, "pod-new")
    with pytest.raises(LockHeld) as caught:
        new.acquire()
    assert "one of 2 shards, and this pass is one of 4" in caught.value.message
    old.release()
    assert shard(leases, 0, 4, "pod-newer").acquire() == Layout(4, 2)


def test_each_change_of_the_layout_is_a_generation(leases):
    seen = []
    for count in (2, 2, 4, 2):
        lease = shard(leases, 0, count, "pod")
        seen.append(lease.acquire())
        lease.release()
    assert seen == [Layout(2, 1), Layout(2, 1), Layout(4, 2), Layout(2, 3)]


def test_who_may_not_read_leases_is_told_what_is_missing(kwok_cluster, kwok_namespace):
    nobody = kwok_cluster.plane.kubeconfig_of(kwok_namespace, "default")
    with pytest.raises(PermanentError, match=r"leases.*forbidden") as caught:
        Lease(ClusterLeases(kwok_namespace, kubeconfig=str(nobody)), "one", "pod-a").acquire()
    assert caught.value.hint == "The service account needs get, list, create and update on leases there."
