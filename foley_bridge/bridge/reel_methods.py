"""The methods of docs/protocol.md that are about reels: where the page is, what a reel is, what is chosen in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from foley_bridge.bridge import reel_params
from foley_bridge.errors import JobError
from foley_bridge.jobs.choices import check
from foley_bridge.jobs.processor import Processor
from foley_bridge.jobs.reel import find_reel, list_reels, newest_apply, newest_reel, opened_json, reel_json, region_of
from foley_bridge.jobs.roots import Roots

Panel = Callable[[str | None], str]
"""Gives the link to the page of a reel, or of the list of reels; starts what serves it."""


class Written(bytes):
    """A result that is JSON already."""


class ReelMethods:
    """Each may be called from any thread, and may take its time.

    Args:
        processor: of the jobs.
        roots: which folders jobs may touch.
        panel: None when this daemon has no audition page.
    """

    def __init__(self, processor: Processor, roots: Roots, panel: Panel | None) -> None:
        self._processor, self._roots, self._panel = processor, roots, panel
        self._journal = processor.journal

    def audition(self, params: reel_params.Audition) -> dict[str, Any]:
        """Raises JobError when there is no page here, or no such reel."""
        if self._panel is None:
            raise JobError("this daemon has no audition page", "start it with --panel HOST:PORT, or without --no-panel")
        job = newest_reel(self._journal) if params.job is None else find_reel(self._journal, params.job).id
        self._processor.expect_follow_ups()
        return {"url": self._panel(job), "job": job}

    def reels(self, params: reel_params.Reels) -> dict[str, Any]:
        """The newest ones."""
        return {"reels": list_reels(self._journal, params.limit)}

    def reel(self, params: reel_params.Reel) -> Written:
        """A reel whole; raises JobError when there is none."""
        reel = find_reel(self._journal, params.job).id
        self._processor.expect_follow_ups()
        kept = self._processor.opened(reel)
        return Written(reel_json(self._journal, reel, lambda request: opened_json(kept, request, self._roots)))

    def choose(self, params: reel_params.Choose) -> dict[str, Any]:
        """Write a choice.

        Raises:
            JobError: there is no such reel or region.
            RequestError: the choice is none for this region; names the field.
            ConflictError: somebody has chosen since.
        """
        reel = find_reel(self._journal, params.job).id
        region, rate = region_of(self._journal, reel, params.region)
        settled = check(params.choice, region, rate)
        written = self._journal.choices.write(reel, params.region, params.base, settled, params.by)
        return {"job": reel, "region": params.region, "choice": written.choice, "revision": written.revision}

    def choices(self, params: reel_params.Choices) -> dict[str, Any]:
        """What was chosen and applied. What is there already is told: waiting is the server's."""
        reel = find_reel(self._journal, params.job).id
        since = self._journal.choices.since(reel, 0 if params.after is UNSET else params.after)
        apply = newest_apply(self._journal, reel)
        return {
            "job": reel,
            "revision": since.revision,
            "choices": [{"region": region, "choice": choice} for region, choice in since.choices.items()],
            "applied": None if apply is None else self._processor.job(apply).to_json(),
        }
