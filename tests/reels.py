"""Small reels made in this process, as the daemon tells of them, and choices applied to them: for the tests of ``apply``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from job_materials import clicks, marker, movie, save, timeline_of

from foley_bridge.jobs.apply import apply_request_from_json, run_apply
from foley_bridge.jobs.generate import run_job
from foley_bridge.jobs.outputs import sweep
from foley_bridge.jobs.request import request_from_json
from foley_bridge.jobs.roots import ANYWHERE, Roots

WORDS = ("kettle", "drum", "box", "gate")
FIRST: Mapping[str, Any] = {
    "state": "proposed",
    "take": None,
    "edits": {},
    "onsets_s": None,
    "sensitivity": None,
    "reason": "",
    "note": "",
    "revision": 0,
    "at_s": None,
    "by": None,
}
NEUTRAL = {"level_db": 0.0, "nudge_frames": 0, "nudge_ms": 0.0, "fade_in_s": 0.0, "fade_out_s": 0.0}


def ground(folder: Path, rate: Fraction = Fraction(25), *, start: float | None = None) -> Path:
    """A shot of four seconds, an example, and a timeline of four regions, 20 frames each, with tapped hits."""
    frames = round(4 * float(rate))
    shot = movie(folder / "shot.mp4", seconds=4, rate=rate)
    clicks(folder / "hit.wav")
    marks = [marker(f"FOLEY {words}", 24 * number, 20, float(rate)) for number, words in enumerate(WORDS)]
    for each in marks:
        each.metadata["foley_bridge"] = {"id": f"mark-{each.name.split()[1]}"}
    marks += [marker("HIT", at, 1, float(rate)) for at in (4, 28, 34, 52, 76, 84)]
    marks.append(marker("a note of the editor's", 10, 5, float(rate)))
    save(timeline_of(shot, frames, float(rate), *marks, start=start), folder / "cut.otio")
    return folder


@dataclass(frozen=True)
class Reel:
    """A reel: the request that it was made by, what the job answered, and where its timeline is kept."""

    folder: Path
    of: dict[str, Any]
    result: dict[str, Any]
    opened: Path
    roots: Roots = ANYWHERE

    def region(self, number: int) -> dict[str, Any]:
        region: dict[str, Any] = self.result["regions"][number - 1]
        return region

    def take(self, number: int, which: int) -> dict[str, Any]:
        """A region's take, 1 for the best."""
        take: dict[str, Any] = self.region(number)["takes"][which - 1]
        return take

    def chosen(self, number: int, which: int, **other: Any) -> dict[str, Any]:
        """The choice of a take."""
        return {"state": "chosen", "take": self.take(number, which)["sha256"], **other}

    def edited(self, number: int, which: int, **edit: float) -> dict[str, Any]:
        """The choice of a take, edited."""
        sha256 = self.take(number, which)["sha256"]
        return {"state": "chosen", "take": sha256, "edits": {sha256: {**NEUTRAL, **edit}}}

    def told(self, choices: Mapping[int, Mapping[str, Any]], applied: tuple[Mapping[str, Any], ...] = ()) -> dict[str, Any]:
        """As docs/audition.md has a reel."""
        regions = [
            {
                **region,
                "takes": [{**take, "id": take["sha256"], "made": "generate"} for take in region["takes"]],
                "choice": {
                    **FIRST,
                    **({"revision": 1, "at_s": 1.5, "by": "me"} if number in choices else {}),
                    **choices.get(number, {}),
                },
            }
            for number, region in enumerate(self.result["regions"], start=1)
        ]
        head = {name: self.result[name] for name in ("timeline", "out", "out_sha256", "notes")}
        done = [{"job": f"a{number}", "state": "done", **each} for number, each in enumerate(applied)]
        return {"job": "reel1", "revision": len(choices), **head, "regions": regions, "applied": done, "retaking": []}

    def apply(
        self,
        choices: Mapping[int, Mapping[str, Any]],
        *,
        applied: tuple[Mapping[str, Any], ...] = (),
        enter: Callable[[str], None] = lambda step: None,
        job: str = "apply1",
        **params: Any,
    ) -> dict[str, Any]:
        """Apply choices and clear up after it, as a worker and its daemon do."""
        said = {"kind": "apply", "job": "reel1", "of": self.of, **params}
        reel = self.told(choices, applied)
        written = [each["out_sha256"] for each in (reel, *reel["applied"])]
        request = apply_request_from_json(
            said, roots=self.roots, reel=reel, opened=self.opened, base=self.folder, written=written
        )
        answer = run_apply(request, job=job, enter=enter)
        sweep(request.plain.folders, job)
        return answer


_numbers = itertools.count()


def make_reel(
    folder: Path,
    there: Path,
    *,
    timeline: Path | None = None,
    roots: Roots = ANYWHERE,
    name: str = "foley.otio",
    **other: Any,
) -> Reel:
    """Generate a ``ground``, three takes to a region.

    Args:
        folder: of the ground.
        there: where to write.
        timeline: instead of the ground's.
        roots: as the daemon's.
        name: of the timeline written.
        other: params of ``submit``, over those that these make.
    """
    of = {
        "kind": "generate",
        "timeline": {"path": str(timeline or folder / "cut.otio")},
        "out": str(there / name),
        "media_dir": str(there / "takes"),
        "exemplar": str(folder / "hit.wav"),
        **other,
        "options": {"takes": "3", **other.get("options", {})},
    }
    job, opened = f"reel{next(_numbers)}", folder / f"opened{next(_numbers)}.otio"
    request = request_from_json(of, roots=roots, catalogue=None)
    result = run_job(request, job=job, opened=opened)
    sweep(request.folders, job)
    return Reel(folder, of, result, opened, roots)
