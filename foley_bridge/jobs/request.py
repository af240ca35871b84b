"""What a job is asked, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from foley_bridge.jobs.roots import ANYWHERE, Roots
from foley_bridge.timeline.options import Options

DEFAULTS = Options(
    takes=3,
    seed=0,
    handles=Fraction(0),
    tail=Fraction(0),
    retime=True,
    detector="motion",
    sensitivity=0.5,
    offset=Fraction(0),
)
"""What a region gets where neither its text nor the request says otherwise. ``level``, ``fade`` and ``channels`` stay open:
their defaults depend on the sound (docs/transfer.md); ``hits`` is ``markers`` when a region has any."""


@dataclass(frozen=True)
class GenerateRequest:
    """Marked regions in, sound out.

    Attributes:
        timeline: an OTIO, FCP7 XML, FCPX XML, EDL or AAF file, a REAPER project, or a video.
        out: where the timeline with the takes goes; its extension says the format.
        media_dir: where the takes go.
        exemplar: the example for regions that name none with ``like=``.
        options: by name, as in a region's text, for regions that do not say otherwise (frames count at the timeline's rate).
        regions: more regions, as ``"START-END TEXT"``.
        sample_rate: of the takes, Hz.
        takes_as_tracks: lay every take on a track of its own, not only the best.
        hits_as_markers: write the onsets found into the timeline as HIT markers.
        preview: an MP4 of the whole timeline's picture with the placed sound.
        report: a self-contained HTML page.
        shape: "resolve" for a timeline as DaVinci Resolve imports it; None for one as it was.
        key: the client's idempotency key, written into the clips.
        inline: ``timeline`` is our own copy of one that came with the request.
        base: the folder that an inline timeline's relative paths start from.
        roots: which folders the job may touch, and how seats name them.
        catalogue: the sound library's folder; None when there is none.
    """

    timeline: Path
    out: Path
    media_dir: Path
    exemplar: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    sample_rate: int = 48000
    takes_as_tracks: bool = False
    hits_as_markers: bool = False
    preview: Path | None = None
    report: Path | None = None
    shape: str | None = None
    key: str | None = None
    inline: bool = False
    base: Path | None = None
    roots: Roots = ANYWHERE
    catalogue: Path | None = None

    @property
    def folders(self) -> set[Path]:
        """Those that it writes into."""
        files = (path for path in (self.out, self.preview, self.report) if path is not None)
        return {self.media_dir.absolute(), *(path.absolute().parent for path in files)}


def request_from_json(
    params: Mapping[str, Any], *, roots: Roots, catalogue: Path | None, timeline_file: Path | None = None
) -> GenerateRequest:
    """The request that ``submit`` describes.

    Args:
        params: of ``submit`` (docs/protocol.md), their types already checked.
        roots: which folders it may touch.
        catalogue: the sound library's folder.
        timeline_file: where the timeline lies that came in the payload.

    Raises:
        JobError: a path that may not be touched; names the field.
    """

    def reads(field: str) -> Path | None:
        return roots.media_file(params[field], field) if params.get(field) else None

    def writes(field: str) -> Path | None:
        return roots.output_path(params[field], field) if params.get(field) else None

    roots = roots.for_seat(params["out"])
    named = params["timeline"]
    base = named.get("base")
    out, media_dir = writes("out"), writes("media_dir")
    assert out is not None and media_dir is not None  # they are needed
    return GenerateRequest(
        timeline=timeline_file or roots.media_file(named["path"], "timeline.path"),
        out=out,
        media_dir=media_dir,
        exemplar=reads("exemplar"),
        options=params.get("options") or {},
        regions=tuple(params.get("regions") or ()),
        sample_rate=params.get("sample_rate") or 48000,
        takes_as_tracks=bool(params.get("takes_as_tracks")),
        hits_as_markers=bool(params.get("hits_as_markers")),
        preview=writes("preview"),
        report=writes("report"),
        shape=params.get("shape"),
        key=params.get("key"),
        inline=timeline_file is not None,
        base=roots.media_file(base, "timeline.base") if base else None,
        roots=roots,
        catalogue=catalogue,
    )


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        step: what it is doing, in words.
        region, regions: the region it works on (1-based; 0 when none) of how many.
        fraction: of the step, 0-1.
        frames: pictures looked at so far.
        whole: of the whole job, 0-1, as far as can be told.
        early: a WAV that grows: what can be heard already of a take that is being made, as the seat names it.
    """

    step: str
    region: int = 0
    regions: int = 0
    fraction: float = 0.0
    frames: int = 0
    whole: float = 0.0
    early: str | None = None


Watcher = Callable[[Progress], None]
"""Called often with the progress; a watcher that raises ``errors.Cancelled`` stops the job, which then leaves nothing."""


def unwatched(progress: Progress) -> None:
    """A watcher that lets the job run."""
