"""The six ways in which a request can fail, without a word of HTTP: only the edges know status codes."""

from __future__ import annotations

from typing import Any, ClassVar


class MedportalError(Exception):
    """A failure that the caller may be told of.

    `code` is a stable word for programs, `detail` a plain sentence for people (never a path, SQL or a patient's value),
    `extra` further members of the problem document.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.extra = extra


class InvalidError(MedportalError):
    """What was sent cannot be accepted as it is."""

    kind = "invalid"


class NotFoundError(MedportalError):
    """There is no such thing, or the caller may not know that there is."""

    kind = "not_found"


class NotAllowedError(MedportalError):
    """The caller may see the thing, but may not do this with it."""

    kind = "not_allowed"


class ConflictError(MedportalError):
    """The thing has changed, or is in a state in which this cannot be done."""

    kind = "conflict"


class TooLargeError(MedportalError):
    """What was sent, or what it would unpack to, is above a stated limit."""

    kind = "too_large"


class UnavailableError(MedportalError):
    """It cannot be done now; the same request may succeed later."""

    kind = "unavailable"
