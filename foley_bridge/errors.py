"""The one shape of an error: what is wrong, with which thing, and what to do about it.

Each room raises its own subclass, so that a caller can tell where a fault lies; all of them carry a hint for the user.
"""

from __future__ import annotations


class FoleyError(Exception):
    """Something a person can put right.

    Args:
        message: one sentence that names the file, region or field and what is wrong with it.
        hint: one sentence that says what to do; may be empty when the message already says so.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def to_json(self) -> dict[str, str]:
        """``kind``, ``message`` and ``hint``, as programs are told. What no UTF-8 can hold (parts of odd paths) is escaped."""
        texts = {"message": self.message, "hint": self.hint}
        plain = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in texts.items()}
        return {"kind": type(self).__name__, **plain}


class TimelineError(FoleyError):
    """A timeline, region, option or timecode that cannot be used."""


class MediaError(FoleyError):
    """A picture or sound file that cannot be read or written."""


class StageError(FoleyError):
    """A stage scene that cannot be built as asked."""


class EngineError(FoleyError):
    """An engine that cannot propose sound for a cue."""


class JobError(FoleyError):
    """A job that cannot run as asked."""


class BusyError(JobError):
    """The daemon has too much to do at this moment; the same request may be sent again."""


class ConflictError(JobError):
    """Somebody else changed it since it was looked at; nothing was changed now."""


class LibraryError(FoleyError):
    """A sound library, or a sound in it, that cannot be used as asked."""


class PackError(FoleyError):
    """A pack that cannot be used: names its folder, the file and the reason."""


class RequestError(FoleyError):
    """A message to the daemon that does not follow docs/protocol.md; names the field."""


class BridgeError(FoleyError):
    """The daemon cannot be reached, or cannot be started."""


class HostError(FoleyError):
    """An editor whose scripts cannot be installed as asked."""


class InternalError(FoleyError):
    """A fault of ours, met by the daemon; its log has more."""


class Cancelled(FoleyError):
    """The user stopped the job; nothing of it was kept."""
