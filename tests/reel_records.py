"""Reels as records of a journal, without the work: what jobs would have answered, for the tests of what is told of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.jobs.journal import Journal
from foley_bridge.timeline.time import rate_text, time_json

RATE = Fraction(25)
REQUEST = {
    "kind": "generate",
    "timeline": {"path": "P:\\reel 1\\cut.otio"},
    "out": "P:\\reel 1\\cut_foley.otio",
    "media_dir": "P:\\reel 1\\foley",
}


def take_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def take(name: str, *, seconds: int = 4, peak_dbfs: float | None = -3.0) -> dict[str, Any]:
    """A take of a region; its name says which file it is."""
    return {
        "path": f"P:\\reel 1\\foley\\{name}.wav",
        "start": time_json(Fraction(0), RATE),
        "duration": time_json(Fraction(seconds), RATE),
        "handle": time_json(Fraction(0), RATE),
        "score": 0.5,
        "onsets_s": [0.48, 1.92],
        "seed": len(name),
        "source": {"file": f"{name}.wav", "library_id": "ab" * 16, "licence": "CC0", "url": "https://example.org/sound"},
        "sample_rate": 48_000,
        "channels": 1,
        "fade_in_s": 0.0,
        "fade_out_s": 0.0,
        "lufs": -23.1,
        "peak_dbfs": peak_dbfs,
        "sha256": take_id(name),
    }


def region(number: int, takes: Sequence[dict[str, Any]], *, failed: bool = False) -> dict[str, Any]:
    """Region ``number`` of four seconds each, seen at nine moments."""
    start = Fraction(4 * (number - 1))
    moments = [{"time_s": float(start) + 0.4 * k, "confidence": 0.8, "strength": 0.5, "sensitivity": 0.3} for k in range(9)]
    onsets = [{name: moment[name] for name in ("time_s", "confidence", "strength")} for moment in moments[::2]]
    return {
        "number": number,
        "id": f"mark {number}",
        "name": f"kettle {number}",
        "text": "FOLEY kettle",
        "start": time_json(start, RATE),
        "end": time_json(start + 4, RATE),
        "engine": "" if failed else "transfer",
        "tapped": False,
        "reliable": not failed,
        "reason": "",
        "onsets": [] if failed else onsets,
        "seen": [] if failed else moments,
        "motion": {"start_s": float(start), "step_s": 0.04, "values": list(range(100))},
        "takes": [] if failed else list(takes),
        "notes": [],
        "error": {"kind": "EngineError", "message": "no such example", "hint": "name one"} if failed else None,
    }


def result(regions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "timeline": {
            "path": REQUEST["timeline"]["path"],  # type: ignore[index]
            "rate": rate_text(RATE),
            "duration": time_json(Fraction(4 * len(regions)), RATE),
            "global_start_time": time_json(Fraction(3600), RATE),
        },
        "regions": list(regions),
        "out": REQUEST["out"],
        "out_sha256": "0" * 64,
        "preview": None,
        "report": None,
        "notes": ["a note"],
    }


def add_reel(journal: Journal, job: str, regions: Sequence[dict[str, Any]], *, key: str | None = None, **request: Any) -> None:
    """A ``generate`` that is done."""
    asked = {**REQUEST, **request, **({} if key is None else {"key": key})}
    journal.add(job, "generate", asked, key=key, folders=[Path("/reel")])
    failed = sum(each["error"] is not None for each in regions)
    journal.finish(job, "done", result=result(regions), failed_regions=failed, swept=True)


def add_retake(
    journal: Journal, job: str, reel: str, number: int, takes: Sequence[dict[str, Any]], *, end: bool = True
) -> None:
    """A ``retake``, ended or not."""
    journal.add(job, "retake", {"kind": "retake", "job": reel, "region": number, "reel": reel, "of": REQUEST, "known": {}})
    if end:
        answer = {**result([region(number, takes)]), "out": None, "out_sha256": None}
        journal.finish(job, "done", result=answer, swept=True)


def add_apply(
    journal: Journal,
    job: str,
    reel: str,
    *,
    revision: int = 0,
    state: str | None = None,
    error: str | None = None,
    regions: Sequence[dict[str, Any]] = (),
    **asked: Any,
) -> None:
    """An ``apply``; state: how it has ended, None: it has not; regions: of its result."""
    request = {"kind": "apply", "job": reel, **asked, "reel": reel, "of": REQUEST, "revision": revision}
    journal.add(job, "apply", request)
    if state is not None:
        why = None if error is None else {"kind": "JobError", "message": error, "hint": ""}
        answer = {**result(regions), "out": asked.get("out", REQUEST["out"]), "revision": revision} if state == "done" else None
        failed = sum(each["error"] is not None for each in regions)
        journal.finish(job, state, result=answer, error=why, failed_regions=failed, swept=True)
