"""What goes wrong, as one message that names the thing and a hint that says what to do."""

from __future__ import annotations


class HostError(Exception):
    """Something a person should read.

    Attributes:
        message: what is wrong; names the thing.
        hint: what to do; may be empty.
        stale: what was generated cannot be used any more.
    """

    def __init__(self, message: str, hint: str = "", *, stale: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stale = stale


def readable(error: BaseException) -> str:
    """An error as a person reads it; one that nobody foresaw asks to be reported."""
    if isinstance(error, HostError):
        return told(error.message, error.hint)
    said = f"The script met something it does not know: {type(error).__name__}: {error}"
    return told(said, "Please report this, and what you did before.")


def told(message: str, hint: str = "") -> str:
    """A message with its hint on a line of its own."""
    first = hint[:1].upper() if hint[:1].isascii() else hint[:1]
    return f"{message}\n{first}{hint[1:]}" if hint else message
