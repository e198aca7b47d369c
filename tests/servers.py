"""Real S3 servers on loopback for tests and benchmarks: MinIO and versitygw, built by `make testbed`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import minio
import pytest
import urllib3

from reconciler.artifacts import S3Access

BUCKET = "artifacts"
ACCESS_KEY, SECRET_KEY = "tester", "a-secret-of-the-tests"
_CHECKOUT = Path(__file__).parent.parent
_TRIES = 600  # of 50 ms at least: half a minute for a server that starts on a busy machine


def _minio(binary: str, address: str, data: Path) -> tuple[list[str], dict[str, str]]:
    return [binary, "server", "--quiet", "--address", address, str(data)], {
        "MINIO_ROOT_USER": ACCESS_KEY,
        "MINIO_ROOT_PASSWORD": SECRET_KEY,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "HOME": str(data.parent),
    }


def _versitygw(binary: str, address: str, data: Path) -> tuple[list[str], dict[str, str]]:
    return [binary, "--port", address, "--quiet", "--keep-alive", "posix", str(data)], {
        "ROOT_ACCESS_KEY": ACCESS_KEY,
        "ROOT_SECRET_KEY": SECRET_KEY,
    }


SERVERS: dict[str, Callable[[str, str, Path], tuple[list[str], dict[str, str]]]] = {
    "minio": _minio,
    "versitygw": _versitygw,
}


@dataclass(frozen=True)
class Server:
    """A running server with an empty bucket."""

    process: subprocess.Popen[bytes]
    access: S3Access

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self.process.send_signal(signal.SIGCONT)


def find(name: str) -> str | None:
    """The server's binary: in $RECONCILER_TESTBED, in the checkout's .testbed/bin, or on the PATH."""
    places = [
        os.environ.get("RECONCILER_TESTBED", ""),
        str(_CHECKOUT / ".testbed" / "bin"),
        os.environ["PATH"],
    ]
    return shutil.which(name, path=os.pathsep.join(filter(None, places)))


def demand(name: str) -> str:
    """The server's binary; without it the test is skipped, and fails in CI."""
    binary = find(name)
    if binary:
        return binary
    reason = f"{name} is not installed: run `make testbed` (needs Go), or set RECONCILER_TESTBED"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def running(name: str, directory: Path, host: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """The server `name` with its data below `directory`; it ends with the block.

    Started again on the same directory and port, it has what it had.
    """
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    address = f"{host}:{port or free_port()}"
    command, environment = SERVERS[name](demand(name), address, data)
    access = S3Access(address, ACCESS_KEY, SECRET_KEY, secure=False)
    with open(directory / "log.txt", "ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        _make_bucket(process, access, directory / "log.txt")
        yield Server(process, replace(access, bucket=BUCKET))
    finally:
        process.kill()
        process.wait()


def client(access: S3Access) -> minio.Minio:
    """The plain S3 client, as a second opinion on what the server holds."""
    return minio.Minio(
        access.endpoint,
        access.access_key,
        access.secret_key,
        secure=access.secure,
        region=access.region,
        http_client=urllib3.PoolManager(retries=False),
    )


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_bucket(process: subprocess.Popen[bytes], access: S3Access, log: Path) -> None:
    """Once the server answers; the wait between two tries ends early when the server dies."""
    for _ in range(_TRIES):
        try:
            if not client(access).bucket_exists(BUCKET):
                client(access).make_bucket(BUCKET)
            return
        except (urllib3.exceptions.HTTPError, minio.error.MinioException):
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail(f"the server did not start:\n{log.read_text()}", pytrace=False)
