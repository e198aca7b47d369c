"""Tokens of a GitHub App: signed for with its private key, good for an hour, kept in memory alone.

An App belongs to no person, and its tokens reach the repositories that it was installed on and no others.
Imported only where one is configured.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from base64 import urlsafe_b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.errors import GitError, GitUnavailable
from reconciler.git.access import GitHubApp

_LIFE = 540
"""Seconds that our signed request is good for; GitHub takes ten minutes at most."""

_SKEW = 60
_RENEW = 300
"""Seconds before its end at which a token is replaced."""

_LARGEST = 65_536
_tokens: dict[tuple[str, ...], tuple[str, float]] = {}


def token(app: GitHubApp, timeout: float) -> str:
    """A token that is good for some minutes at least; GitUnavailable or GitError where there is none."""
    known, until = _tokens.get(app.identity, ("", 0.0))
    if time.time() < until - _RENEW:
        return known
    answer = _asked(app, timeout)
    try:
        fresh = str(answer["token"])
        until = datetime.fromisoformat(answer["expires_at"]).timestamp()
    except (KeyError, TypeError, ValueError) as error:
        raise GitError(f"{app.url} answered without a token for the GitHub App {app.app}.") from error
    _tokens[app.identity] = fresh, until
    return fresh


def signed(app: GitHubApp, now: float) -> str:
    """A JSON Web Token by which the App says who it is (RFC 7519, RS256)."""
    from Crypto.Hash import SHA256
    from Crypto.PublicKey import RSA
    from Crypto.Signature import pkcs1_15

    claims = {"iat": int(now) - _SKEW, "exp": int(now) + _LIFE, "iss": app.app}
    text = b".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    try:
        key = RSA.import_key(Path(app.key_file).read_bytes())
        signature = pkcs1_15.new(key).sign(SHA256.new(text))
    except OSError as error:
        raise GitError(
            f"Cannot read the private key '{app.key_file}': {error.strerror}.",
            hint="Check that the secret is mounted and readable by this user.",
        ) from error
    except (ValueError, TypeError, IndexError) as error:
        raise GitError(
            f"'{app.key_file}' does not hold an RSA private key.", hint="GitHub hands it out as a PEM file."
        ) from error
    return b".".join((text, _encoded(signature))).decode("ascii")


def _encoded(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def _asked(app: GitHubApp, timeout: float) -> Any:
    address = f"{app.url.rstrip('/')}/app/installations/{app.installation}/access_tokens"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {signed(app, time.time())}",
        "User-Agent": "reconciler",
    }
    request = urllib.request.Request(address, data=b"", headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read(_LARGEST))
    except urllib.error.HTTPError as error:
        said = f"{app.url} answered {error.code} to the GitHub App {app.app}: {_said(error)}"
        if error.code == 429 or error.code >= 500:
            raise GitUnavailable(said) from error
        raise GitError(said, hint="Check the ids of App and installation, and its private key.") from error
    except (OSError, ValueError) as error:
        raise GitUnavailable(f"{app.url} does not give a token: {error}") from error


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_LARGEST))["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason
