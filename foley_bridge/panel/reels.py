"""Reels as the panel knows them: asked of the daemon once, then kept true by what was written since."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from foley_bridge.errors import BusyError, FoleyError, JobError, RequestError
from foley_bridge.jobs.names import ENDED
from foley_bridge.panel.answers import Refused, unknown
from foley_bridge.panel.daemon import Daemon
from foley_bridge.panel.windows import Window, exact, windows_of
from foley_bridge.timeline.time import exact_rate, timecode

MOST_KEPT = 4
MOST_LISTED = 100


class Reel:
    """One reel, as ``reel`` answered it, with the choices written since.

    Args:
        whole: what ``reel`` answered.
    """

    def __init__(self, whole: dict[str, Any]) -> None:
        self.whole = whole
        self.job = str(whole["job"])
        self.rate = exact_rate(whole["timeline"]["rate"])
        self.start = exact(whole["timeline"]["global_start_time"])
        self.duration = exact(whole["timeline"]["duration"])
        self._regions = {int(region["number"]): region for region in whole["regions"]}
        self._takes = {(number, take["id"]): take for number, region in self._regions.items() for take in region["takes"]}

    @property
    def revision(self) -> int:
        """How many choices were written."""
        return int(self.whole["revision"])

    def region(self, number: int) -> dict[str, Any]:
        """A region as ``reel`` has it; raises ``Refused`` when there is none."""
        if number not in self._regions:
            raise unknown(f"region {number} in this reel")
        return self._regions[number]

    def has_take(self, number: int, take: str) -> bool:
        """Whether a region has a take."""
        return (number, take) in self._takes

    def take(self, number: int, take: str) -> dict[str, Any]:
        """A take of a region; raises ``Refused`` when there is none."""
        if not self.has_take(number, take):
            raise unknown(f"such take of region {number}")
        return self._takes[number, take]

    def windows(self, number: int) -> list[Window]:
        """The windows of a region."""
        region = self.region(number)
        return windows_of(exact(region["start"]), exact(region["end"]), rate=self.rate, duration=self.duration)

    def window(self, number: int, window: int) -> Window:
        """A window of a region; raises ``Refused`` when there is none."""
        windows = self.windows(number)
        if not 1 <= window <= len(windows):
            raise unknown(f"window {window} of region {number}")
        return windows[window - 1]

    def following(self, number: int) -> int | None:
        """The number of the region after this one; None after the last."""
        return number + 1 if number + 1 in self._regions else None

    def chosen(self, number: int, choice: dict[str, Any]) -> None:
        """Take in a choice, unless a newer one is known."""
        region = self._regions.get(number)
        if region is not None and choice["revision"] > region["choice"]["revision"]:
            region["choice"] = choice

    # --- as docs/audition.md has them ---

    def overview(self) -> dict[str, Any]:
        """The reel and a summary of each region."""
        whole = self.whole
        return {
            "job": self.job,
            "title": whole["title"],
            "revision": self.revision,
            "rate": whole["timeline"]["rate"],
            "drop": False,
            "start_s": float(self.start),
            "duration_s": float(self.duration),
            **{name: whole[name] for name in ("out", "sample_rate", "notes", "applied", "retaking")},
            "regions": [self._summary(region) for region in self._regions.values()],
        }

    def region_whole(self, number: int) -> dict[str, Any]:
        """A region whole, and its windows."""
        return {**self.region(number), "windows": [window.to_json() for window in self.windows(number)]}

    def _summary(self, region: Mapping[str, Any]) -> dict[str, Any]:
        choice, error = region["choice"], region["error"]
        start, end = exact(region["start"]), exact(region["end"])
        return {
            **{name: region[name] for name in ("number", "name", "text", "engine", "reliable")},
            "timecode": self._timecode(start),
            "timecode_end": self._timecode(end),
            "start_s": float(start),
            "end_s": float(end),
            "state": choice["state"],
            "tapped": bool(region["tapped"]) or choice["onsets_s"] is not None,
            "touched": touched(choice),
            "takes": len(region["takes"]),
            "error": None if error is None else str(error["message"]),
            "note": choice["note"] or None,
            "revision": choice["revision"],
        }

    def _timecode(self, time: Fraction) -> str:
        return timecode(self.start + time, self.rate)


def touched(choice: Mapping[str, Any]) -> bool:
    """Whether an editor did something to a region without deciding: what he did is lost when it keeps its best take."""
    kept = choice["edits"] or choice["onsets_s"] is not None or choice["sensitivity"] is not None or choice["take"] is not None
    return choice["state"] == "proposed" and bool(kept)


class Reels:
    """The reels that pages look at. Used in the loop only."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._known: OrderedDict[str, Reel] = OrderedDict()
        self._old: set[str] = set()  # more happened to them than choices
        self._reading = asyncio.Lock()

    async def reel(self, job: str) -> Reel:
        """A reel as it is now. One that is known costs the daemon a look at what was chosen since.

        Raises:
            Refused: there is no such reel.
            BridgeError, BusyError: the daemon is away, or has too much to do.
        """
        if job not in self._known or job in self._old:
            return await self._read(job)
        reel = self._known[job]
        since = reel.revision
        try:
            changed = await self._daemon.ask(lambda client: client.choices(job, after=since))
        except JobError as error:
            raise _no_reel(error) from error
        for each in changed["choices"]:
            reel.chosen(each["region"], each["choice"])
        reel.whole["revision"] = max(reel.revision, changed["revision"])
        return reel

    async def known(self, job: str) -> Reel:
        """A reel as it was when it was last looked at, for what stays as it is: its pictures, its takes; raises as ``reel``."""
        return self._known[job] if job in self._known else await self._read(job)

    async def with_take(self, job: str, number: int, take: str) -> Reel:
        """The reel, read anew when it has not got a take of that name; raises as ``reel``."""
        reel = await self.known(job)
        if reel.has_take(number, take):
            return reel
        self.forget(job)
        return await self._read(job)

    async def _read(self, job: str) -> Reel:
        async with self._reading:  # pages that open one reel at once cost one look at it
            if job not in self._known or job in self._old:
                self._old.discard(job)  # what happens while it is on its way makes it old again
                try:
                    reel = Reel(await self._daemon.ask(lambda client: client.reel(job)))
                except FoleyError as error:
                    self._old.update({job} & self._known.keys())
                    raise _no_reel(error) from error
                if reel.job != job:  # a key stands for a job, too, but not in a page's address
                    raise unknown(f"reel {job}")
                self._known[job] = reel
            self._known.move_to_end(job)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
            return self._known[job]

    async def listed(self) -> list[dict[str, Any]]:
        """The newest reels, newest first."""
        return await self._daemon.ask(lambda client: client.reels(MOST_LISTED))

    # --- what happens ---

    def chosen(self, job: str, number: int, choice: dict[str, Any]) -> None:
        """A choice was written. The reel's own revision is left to the next look, which finds those written before it."""
        if job in self._known:
            self._known[job].chosen(number, choice)

    def job_happened(self, view: Mapping[str, Any]) -> None:
        """A retake or an apply of a reel went on: what the reel says of it is old."""
        reel = self._known.get(view["reel"])
        listed = reel.whole["retaking" if view["kind"] == "retake" else "applied"] if reel is not None else []
        known = next((each for each in listed if each["job"] == view["job"]), None)
        if known is None or view["state"] in ENDED:
            self.forget(view["reel"])
        else:
            known["state"] = view["state"]

    def forget(self, job: str | None = None) -> None:
        """Read a reel anew when it is next asked for; all of them for None."""
        self._old.update(self._known if job is None else [job])


def _no_reel(error: FoleyError) -> Refused | FoleyError:
    """What to say of a reel that cannot be read: that there is none, unless the daemon did not come to look."""
    looked = isinstance(error, JobError | RequestError) and not isinstance(error, BusyError)
    return Refused(404, error) if looked else error
