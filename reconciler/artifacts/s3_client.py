"""The S3 client's connection: whose account, how long to wait, how often to try again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import SettingsError


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the bucket is and who may use it.

    `endpoint` is host[:port]. `prefix` goes before every key. `public_url` is an address with `{bucket}` and
    `{key}` in it under which a person reaches the objects; without it links are `s3://bucket/key`.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str = ""
    prefix: str = ""
    region: str = "us-east-1"
    secure: bool = True
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection and for each answer, and how often a request is repeated.

    A hanging server so costs at most `connect * (1 + retries)` or `answer * (1 + retries)` seconds.
    """

    connect: float = 10.0
    answer: float = 60.0
    retries: int = 3


PATIENT = Patience()


def connect(access: S3Access, patience: Patience, connections: int) -> Any:
    """A `minio.Minio`; nothing is sent yet."""
    # Lazily: minio and urllib3 take 190 ms, and most commands never meet the store.
    from minio import Minio

    for name in ("endpoint", "bucket"):
        if not getattr(access, name):
            raise SettingsError(
                f"The S3 artifact store needs its {name}.",
                hint="The endpoint is host or host:port, the address of the store s3://BUCKET or s3://BUCKET/PREFIX.",
            )
    try:
        return Minio(
            access.endpoint,
            access_key=access.access_key,
            secret_key=access.secret_key,
            region=access.region,
            secure=access.secure,
            http_client=_pool(patience, connections),
        )
    except ValueError as error:
        raise SettingsError(
            f"The S3 endpoint {access.endpoint!r} is not usable: {error}.",
            hint="Give host or host:port, without http:// and without a path.",
        ) from error


def _pool(patience: Patience, connections: int) -> Any:
    """A pool of connections whose waits all have an end."""
    import os

    import certifi
    import urllib3
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
        maxsize=connections,
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),  # the variable that minio itself honours
        retries=urllib3.Retry(
            total=patience.retries,
            redirect=0,  # a redirected request would carry a signature for the other host
            backoff_factor=0.2,
            status_forcelist=(429, 500, 502, 503, 504),
            raise_on_status=False,  # the last answer says more than "too many errors"
            respect_retry_after_header=False,  # it could name any time
        ),
    )
    pool.pool_classes_by_scheme = {
        "http": _patient(HTTPConnectionPool, patience.answer),
        "https": _patient(HTTPSConnectionPool, patience.answer),
    }
    return pool


def _patient(pool: Any, seconds: float) -> Any:
    """The pool class with connections that may take `seconds` to send a part.

    urllib3 leaves the connect timeout on the socket while it sends the request, and for `sendall` that is the
    limit for the whole body: 16 MiB in ten seconds would be asked of every uplink.
    """

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(seconds)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
