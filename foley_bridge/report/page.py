"""The page: regions and takes laid out on one time axis each, written as a single HTML file that needs nothing else.

Everything in a region (filmstrip, motion, waveforms, spectrograms, onsets, play head) shares the region's axis, so what
lies above each other happens together. The file carries no clock and no random value: the same input gives the same bytes.
It looks for nothing on the network, and a content security policy forbids it to.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np

from foley_bridge.media.whole_file import whole_file
from foley_bridge.report import pictures
from foley_bridge.report.model import ReportRegion, ReportTake
from foley_bridge.report.sketch import Sketch, flac, mel_height, sketch
from foley_bridge.timeline.time import timecode

EMBED_UP_TO_S = 60.0  # a longer take is linked, not carried inside the page
EMBED_BUDGET = 48_000_000  # bytes of FLAC in one page; takes beyond it are linked
STRIP_FRAMES = 7  # pictures side by side in a filmstrip; the others show under the play head
TICKS = 7  # labels at most, so that they do not touch on an 800 px page


def write_report(
    path: Path,
    *,
    title: str,
    rate: Fraction,
    regions: Sequence[ReportRegion],
    start_timecode_s: Fraction = Fraction(0),
    drop: bool = False,
    summary: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    folder: Path | None = None,
) -> None:
    """Write the report as one HTML file, whole or not at all.

    Args:
        path: where.
        title: the page's heading.
        rate: the timeline's frame rate, for timecode.
        regions: in the order in which they are shown.
        start_timecode_s: record time of the timeline's first frame; timecode shown is timeline time plus this.
        drop: drop-frame timecode.
        summary: (label, value) facts for the top of the page.
        notes: sentences a reader should know.
        folder: where the page will lie in the end, links to takes are relative to it; None when that is where it is written.

    Raises:
        MediaError: a take cannot be read, or the page cannot be written.
    """
    page = _Page(folder=folder or path.parent, rate=rate, start=start_timecode_s, drop=drop)
    views = [page.region(number, region) for number, region in enumerate(regions, 1)]
    script = _text("script.js")
    html = _template().render(
        title=title,
        summary=summary,
        notes=notes,
        regions=views,
        rate=str(rate),
        style=_text("style.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        data={"frame_s": float(1 / rate), "regions": [view["data"] for view in views]},
    )
    with whole_file(path) as temporary:
        temporary.write_bytes(html.encode("utf-8", "replace"))


class Axis:
    """The time axis of a region: from the earliest to the latest moment that the region or a take of it covers."""

    def __init__(self, region: ReportRegion) -> None:
        self.start_s = min([region.start_s, *(take.start_s for take in region.takes)])
        self.end_s = max([region.end_s, *(take.start_s + take.duration_s for take in region.takes)])

    def percent(self, time_s: float) -> float:
        """Where a time lies on the axis: 0 left edge, 100 right edge."""
        return self.share(time_s - self.start_s)

    def share(self, duration_s: float) -> float:
        """How much of the axis a duration takes, in percent."""
        length = self.end_s - self.start_s
        return 100 * duration_s / length if length > 0 else 0.0


class _Page:
    """Turns regions into what the template shows; counts the embedded bytes."""

    def __init__(self, *, folder: Path, rate: Fraction, start: Fraction, drop: bool) -> None:
        self.folder = folder.resolve()
        self.rate, self.start, self.drop = rate, start, drop
        self.embedded = 0

    def timecode(self, time_s: float) -> str:
        """The label of the frame on screen at a timeline time."""
        frame = math.floor(Fraction(time_s + 1e-6) * self.rate)
        return timecode(frame / self.rate + self.start, self.rate, self.drop)

    def region(self, number: int, region: ReportRegion) -> dict[str, Any]:
        axis = Axis(region)
        sketches = [sketch(take.staged or take.path, skip_s=take.handle_s, duration_s=take.duration_s) for take in region.takes]
        loudest = max((each.peak for each in sketches), default=0.0)
        frames = [(time_s, pictures.photograph(image)) for time_s, image in region.thumbnails]
        middle = (axis.start_s + axis.end_s) / 2
        surest = max(region.onsets, key=lambda onset: (onset[1], -abs(onset[0] - middle)), default=(middle, 0.0))
        takes = [
            self.take(axis, index, take, drawn, loudest)
            for index, (take, drawn) in enumerate(zip(region.takes, sketches, strict=True), 1)
        ]
        placed = next((take.onsets_s for take in region.takes if take.chosen), ())
        times = [time_s for time_s, _ in frames]
        labels = [self.timecode(time_s) for time_s in times]
        return {
            "id": f"region-{number}",
            "region": region,
            "start": self.timecode(region.start_s),
            "end": self.timecode(region.end_s),
            "length_s": region.end_s - region.start_s,
            "frames": [uri for _, uri in frames],
            "frame_shown": max(0, int(np.searchsorted(times, surest[0] + 1e-6, side="right")) - 1),
            "frame_labels": labels,
            "strip": _strip(axis, times),
            "ticks": self.ticks(axis),
            "motion": _motion(axis, region.motion),
            "before": axis.percent(region.start_s),
            "after": 100 - axis.percent(region.end_s),
            "seen": [{"x": axis.percent(at), "time_s": at, "confidence": sure} for at, sure in region.onsets],
            "onset_rows": [self.onset_row(at, sure, placed) for at, sure in region.onsets],
            "takes": takes,
            "scale": _decibels(loudest),
            "data": {"start": axis.start_s, "end": axis.end_s, "frames": times, "labels": labels},
        }

    def take(self, axis: Axis, number: int, take: ReportTake, drawn: Sketch, loudest: float) -> dict[str, Any]:
        link = self.link(take.path)
        inside = None
        if take.duration_s <= EMBED_UP_TO_S and drawn.channels <= 8:
            content = flac(take.staged or take.path, skip_s=take.handle_s, duration_s=take.duration_s)
            if self.embedded + len(content) <= EMBED_BUDGET:
                self.embedded += len(content)
                inside = pictures.data_uri("audio/flac", content)
        end_in_file = take.handle_s + drawn.duration_s
        return {
            "number": number,
            "take": take,
            "link": link,
            "audio": inside or f"{link}#t={take.handle_s:.6f},{end_in_file:.6f}",
            "embedded": inside is not None,
            "offset_s": 0.0 if inside else take.handle_s,
            "length_s": drawn.duration_s,
            "x": axis.percent(take.start_s),
            "width": axis.share(drawn.duration_s),
            "columns": len(drawn.low),
            "wave": pictures.waveform_path(drawn.low, drawn.high, loudest),
            "spectrogram": pictures.spectrogram(drawn.mel),
            "hertz": [
                {"label": label, "y": 100 * (1 - mel_height(hz, drawn.sample_rate))}
                for hz, label in ((400, "400 Hz"), (2000, "2 kHz"), (8000, "8 kHz"))
                if hz < drawn.sample_rate * 0.4
            ],
            "placed": [{"x": axis.percent(at), "time_s": at} for at in take.onsets_s],
            "source": _facts(take.source),
            "peak": "silent" if take.peak_dbfs == -math.inf else None,
        }

    def onset_row(self, at: float, confidence: float, placed: Sequence[float]) -> dict[str, Any]:
        """A seen onset beside the chosen take's nearest hit."""
        nearest = min(placed, key=lambda other: abs(other - at), default=None)
        return {
            "timecode": self.timecode(at),
            "time_s": at,
            "confidence": confidence,
            "placed_s": nearest,
            "apart_ms": None if nearest is None else 1000 * (nearest - at),
        }

    def link(self, path: Path) -> str:
        """The take's address relative to the page; an absolute one where there is no relative way (another drive)."""
        try:
            return quote(Path(os.path.relpath(path.resolve(), self.folder)).as_posix())
        except ValueError:
            return path.resolve().as_uri()

    def ticks(self, axis: Axis) -> list[dict[str, Any]]:
        """Labels at round frame counts, as many as fit."""
        second = max(1, round(self.rate))
        steps = [1, 2, 5, *(second * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600))]
        if second >= 20:
            steps[3:3] = [second // 2]
        frames = (axis.end_s - axis.start_s) * float(self.rate)
        step = next((step for step in steps if frames / step < TICKS), math.ceil(frames / (TICKS - 1)) or 1)
        first = math.ceil(axis.start_s * float(self.rate) / step - 1e-6)
        last = math.floor(axis.end_s * float(self.rate) / step - 1e-6)
        times = [float(Fraction(n * step) / self.rate) for n in range(first, last + 1)]
        return [{"x": axis.percent(at), "label": self.timecode(at)} for at in times]


def _strip(axis: Axis, times: Sequence[float]) -> list[dict[str, Any]]:
    """Which pictures stand in the filmstrip and where: each from its own moment to the next one's, evenly thinned out."""
    inside = [index for index, at in enumerate(times) if at < axis.end_s]
    slots = np.arange(STRIP_FRAMES) * (axis.end_s - axis.start_s) / STRIP_FRAMES + axis.start_s
    if len(inside) > STRIP_FRAMES:
        inside = sorted({int(np.abs(np.asarray(times) - slot).argmin()) for slot in slots})
    edges = [max(times[index], axis.start_s) for index in inside] + [axis.end_s]
    edges[0] = axis.start_s
    return [
        {"frame": index, "x": axis.percent(left), "width": axis.percent(right) - axis.percent(left)}
        for index, left, right in zip(inside, edges, edges[1:], strict=False)
        if right > left
    ]


def _motion(axis: Axis, motion: tuple[np.ndarray, np.ndarray] | None) -> str | None:
    if motion is None:
        return None
    time_s, value = np.asarray(motion[0], float), np.asarray(motion[1], float)
    inside = (time_s >= axis.start_s) & (time_s <= axis.end_s)
    if not inside.any() or axis.end_s <= axis.start_s:
        return None
    return pictures.curve_path((time_s[inside] - axis.start_s) / (axis.end_s - axis.start_s), value[inside])


def _facts(source: str | Mapping[str, str]) -> list[tuple[str, str]]:
    if isinstance(source, Mapping):
        return [(key, value) for key, value in source.items() if value]
    return [("", source)] if source else []


def _decibels(magnitude: float) -> str:
    return f"{_number(20 * math.log10(magnitude), 1)} dBFS" if magnitude > 0 else "silence"


def _number(value: float, digits: int = 3) -> str:
    """A number with a true minus sign and no negative zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["pc"] = lambda value: f"{value:.4f}%"
    return environment.get_template("page.html.j2")
