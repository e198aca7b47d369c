"""Reading one object: a stream that takes up again where a connection broke."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from reconciler.artifacts.s3_errors import translated
from reconciler.errors import PermanentError, StoreUnavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST_BREAKS = 5


class ObjectStream(io.RawIOBase):
    """The bytes of one object, and only of the one that stood there when reading began."""

    def __init__(self, client: Any, bucket: str, name: str, offset: int) -> None:
        self._client, self._bucket, self._name = client, bucket, name
        self._address = f"s3://{bucket}/{name}"
        self._position, self._breaks, self._tag = offset, 0, ""
        self._response = self._request()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        amount = None if size is None or size < 0 else size
        while True:
            try:
                with translated(self._address):
                    piece: bytes = self._response.read(amount)
            except StoreUnavailable:
                self._breaks += 1
                if self._breaks > _MOST_BREAKS:
                    raise
                self._response.close()
                self._response = self._request()
            else:
                self._position += len(piece)
                return piece

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        piece = self.read(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """A response that was not read to its end takes its connection with it."""
        if not self.closed:
            self._response.close()
        super().close()

    def _request(self) -> Any:
        """The answer from the current position on, if it is still the same object."""
        only = {"If-Match": self._tag} if self._tag else {}
        try:
            with translated(self._address):
                response = self._client.get_object(
                    self._bucket, self._name, offset=self._position, request_headers=only
                )
        except PermanentError as error:
            if getattr(error.__cause__, "code", "") == "InvalidRange":
                return io.BytesIO()  # S3 refuses to read from the end on; to a file that is simply the end
            raise
        self._tag = response.headers.get("ETag", "")
        return response


def open_object(client: Any, bucket: str, name: str, offset: int) -> BinaryIO:
    """A stream of the object's bytes from `offset` on."""
    return ObjectStream(client, bucket, name, offset)  # type: ignore[return-value]  # typeshed: IO is no protocol
