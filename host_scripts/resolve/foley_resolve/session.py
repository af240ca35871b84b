"""What of Resolve a script works with: the objects, asked for anew each time, and how their answers are read.

Resolve's objects live in another process. An object whose thing is gone answers None, and every name seems to be there
(``hasattr`` is always true), so whether this version has a function is asked of ``dir``.
"""

from __future__ import annotations

import re
import sys
from fractions import Fraction
from typing import Any

from foley_host import HostError

OLDEST = (18, 5)  # DeleteClips, AddTrack and GetIsTrackLocked came with it
MENU = "Workspace > Scripts > Foley"
NEVER_SAVED = "Untitled Project"  # Resolve's own name for a project without a place


class Session:
    """The open project and timeline of one Resolve.

    Attributes:
        resolve: the object of that name that Resolve gives its scripts.
        version: such as ``(19, 1, 3)``.
    """

    def __init__(self, resolve: Any) -> None:
        self.resolve = resolve
        self.version: tuple[int, ...] = tuple(int(part) for part in list(_answered(resolve.GetVersion()))[:3])
        if self.version < OLDEST:
            said = f"This is DaVinci Resolve {'.'.join(map(str, self.version))}"
            raise HostError(said, "Foley needs DaVinci Resolve Studio 18.5 or newer.")

    @property
    def named(self) -> str:
        """For reports: product, version, and the Python that Resolve runs its scripts with."""
        python = ".".join(map(str, sys.version_info[:3]))
        return f"{self.resolve.GetProductName()} {self.resolve.GetVersionString()}, Python {python} on {sys.platform}"

    @property
    def is_there(self) -> bool:
        """Whether Resolve still runs: a script may outlive it."""
        return self.resolve.GetProductName() is not None

    @property
    def is_studio(self) -> bool:
        return "Studio" in str(self.resolve.GetProductName())

    @property
    def manager(self) -> Any:
        return _answered(self.resolve.GetProjectManager())

    @property
    def project(self) -> Any:
        project = self.manager.GetCurrentProject()
        if project is None:
            raise HostError("No project is open", "Open one and try again.")
        return project

    @property
    def timeline(self) -> Any:
        timeline = self.project.GetCurrentTimeline()
        if timeline is None:
            raise HostError("No timeline is open", "Open one on the Edit page and try again.")
        return timeline

    @property
    def pool(self) -> Any:
        return _answered(self.project.GetMediaPool())

    @property
    def rate(self) -> Fraction:
        """The timeline's: it may differ from the project's."""
        name = "timelineFrameRate"
        return rate_of(self.timeline.GetSetting(name) or self.project.GetSetting(name))

    @property
    def start(self) -> int:
        """The absolute number of the timeline's first frame."""
        return whole(self.timeline.GetStartFrame())

    def go_to(self, name: str) -> None:
        """Have the timeline of an id open: scripts lay clips into the one that is, and the user may have opened another.

        Raises:
            HostError: it cannot be.
        """
        if str(self.timeline.GetUniqueId()) == name:
            return
        project = self.project
        for index in range(1, whole(project.GetTimelineCount()) + 1):
            timeline = project.GetTimelineByIndex(index)
            if str(timeline.GetUniqueId()) == name:
                project.SetCurrentTimeline(timeline)
        if str(self.timeline.GetUniqueId()) != name:
            raise HostError("Another timeline is open now than that with the clips", "Open that timeline and try again.")

    def edit_page(self) -> None:
        """Go to the Edit page, the only one on which clips can be deleted."""
        page = self.resolve.GetCurrentPage()
        if page == "edit":
            return
        self.resolve.OpenPage("edit")
        if self.resolve.GetCurrentPage() != "edit":
            said = f"Resolve is on its {page} page and did not go to the Edit page"
            raise HostError(said, "Close any dialog that is open, go to the Edit page and try again.")


def has(thing: Any, name: str) -> bool:
    """Whether this version of Resolve has a function."""
    return name in dir(thing)


def listed(answer: Any) -> list[Any]:
    """A list that Resolve gave; it gives None, too, where there is nothing."""
    return list(answer or [])


def whole(answer: Any) -> int:
    """A number of frames that Resolve gave: some versions give floats."""
    return round(float(_answered(answer)))


def rate_of(name: Any) -> Fraction:
    """The exact rate that Resolve means with ``23.976``, ``29.97 DF`` or 25.0."""
    plain = str(name).upper().replace("DF", "").strip()
    try:
        value = Fraction(plain)
    except ValueError:
        raise HostError(f"Resolve gave {name!r} as a frame rate", "Please report this.") from None
    nearest = round(value)
    if nearest > 0 and abs(value - nearest) < Fraction(1, 1000):
        return Fraction(nearest)
    broadcast = Fraction(nearest * 1000, 1001)
    if abs(value - broadcast) < Fraction(1, 200):
        return broadcast
    return value.limit_denominator(1001)


def frames_of(label: str, rate: Fraction, drop: bool) -> int:
    """A timecode in frames; drop-frame leaves out two labels a minute at 29.97, but not every tenth.

    Raises:
        ValueError: no timecode.
    """
    match = re.match(r"(\d+):(\d+):(\d+)[:;.,](\d+)$", label.strip())
    if not match:
        raise ValueError(label)
    hours, minutes, seconds, frames = map(int, match.groups())
    base = -(-rate.numerator // rate.denominator)
    total = hours * 60 + minutes
    left_out = base // 15 * (total - total // 10) if drop else 0
    return (total * 60 + seconds) * base + frames - left_out


def _answered(answer: Any) -> Any:
    if answer is None:
        raise HostError("Resolve does not answer", "If it is still open, close any dialog in it and try again.")
    return answer
