"""Writes to the cluster come no faster than allowed, and slower once it complains."""

from __future__ import annotations

import threading
import time

from reconciler.executors.kubernetes.bucket import Bucket


def test_a_burst_is_let_through_at_once() -> None:
    bucket = Bucket(rate=0.001, burst=50)
    for _ in range(50):
        bucket.take(threading.Event())


def test_beyond_the_burst_each_write_waits_its_turn() -> None:
    bucket, began = Bucket(rate=50.0, burst=1), time.monotonic()
    for _ in range(6):
        bucket.take(threading.Event())
    assert time.monotonic() - began >= 0.1  # five more at fifty a second


def test_a_complaint_halves_the_rate_down_to_one_a_second() -> None:
    bucket = Bucket(rate=100.0, burst=10)
    bucket.slow_down()
    assert 50.0 <= bucket.rate < 51.0
    for _ in range(10):
        bucket.slow_down()
    assert 1.0 <= bucket.rate < 1.1


def test_nobody_waits_once_everything_stops() -> None:
    bucket, stopping = Bucket(rate=0.0001, burst=1), threading.Event()
    bucket.take(stopping)
    stopping.set()
    bucket.take(stopping)
