"""What the S3 client raises, as our errors: the one place that decides whether trying later may help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.errors import (
    ArtifactCorrupt,
    ArtifactNotFound,
    PermanentError,
    ReconcilerError,
    StoreUnavailable,
)

_BUSY = {
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServerBusy",
    "ServiceUnavailable",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "XMinioServerNotInitialized",
    "XMinioStorageFull",
}

_REFUSED = {
    "AccessDenied": "Let the access key read, write, list and delete in this bucket.",
    "InvalidAccessKeyId": "Check the access key: the server does not know it.",
    "XAdminUserNotFound": "Check the access key: the server does not know it.",
    "SignatureDoesNotMatch": "Check the secret key: it does not belong to the access key.",
    "AuthorizationHeaderMalformed": "Check the region: the bucket lies in another one.",
    "RequestTimeTooSkewed": "Set this machine's clock: it differs too much from the server's.",
    "NoSuchBucket": "Create the bucket first; it is never created here.",
    "PermanentRedirect": "Check the endpoint and the region: the bucket lies elsewhere.",
    "EntityTooLarge": "The server does not take objects of this size.",
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Errors of minio and urllib3 inside the block as ours; `what` begins the message: "s3://b/k"."""
    try:
        yield
    except ReconcilerError:
        raise
    except Exception as error:
        ours = _ours(what, error)
        if ours is None:
            raise
        raise ours from error


def _ours(what: str, error: Exception) -> ReconcilerError | None:
    from xml.etree.ElementTree import ParseError

    from minio.error import InvalidResponseError, S3Error, ServerError
    from urllib3.exceptions import HTTPError

    if isinstance(error, S3Error):
        return _answered(what, error.code or "", error.message or "", getattr(error.response, "status", 0))
    if isinstance(error, ServerError):
        return _answered(what, "", "", error.status_code)
    if isinstance(error, InvalidResponseError):
        return _answered(what, "", "", error._code)
    if isinstance(error, (HTTPError, ConnectionError, TimeoutError)):
        return _unanswered(what, error)
    if isinstance(error, (ParseError, ValueError)):
        return PermanentError(
            f"{what}: the answer or the request makes no sense to S3: {error}.",
            hint="Check that the endpoint is an S3 server.",
        )
    return None


def _answered(what: str, code: str, message: str, status: int) -> ReconcilerError:
    """The server's own words; they hold no secret, signatures are in other fields."""
    if code in ("NoSuchKey", "NoSuchVersion"):
        return ArtifactNotFound(f"Nothing is stored at {what}.")
    if code == "PreconditionFailed":
        return ArtifactCorrupt(f"{what} was replaced while it was read.")
    said = f"{code}: {message}".strip(": ").rstrip(".") or f"HTTP status {status}"
    if code in _BUSY or status == 429 or (status >= 500 and status != 501):
        return StoreUnavailable(f"{what}: the server cannot do it now ({said}).")
    return PermanentError(
        f"{what}: the server refused ({said}).",
        hint=_REFUSED.get(code, "Check endpoint, bucket and access key with `reconciler doctor`."),
    )


def _unanswered(what: str, error: Exception) -> ReconcilerError:
    from urllib3.exceptions import MaxRetryError, SSLError

    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(reason, SSLError):
        return PermanentError(
            f"{what}: no trusted connection ({reason}).",
            hint="Check the server's certificate, SSL_CERT_FILE, and whether the endpoint speaks https.",
        )
    return StoreUnavailable(
        f"{what}: the server does not answer ({type(reason).__name__}).",
        hint="Check that it runs and that the endpoint is right.",
    )
