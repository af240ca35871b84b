"""What a job is asked, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from foley_bridge.timeline.options import Options

DEFAULTS = Options(
    takes=3,
    seed=0,
    handles=Fraction(0),
    tail=Fraction(0),
    retime=True,
    sensitivity=0.5,
    offset=Fraction(0),
)
"""What a region gets where neither its text nor the request says otherwise. ``level``, ``fade`` and ``channels`` stay open:
their defaults depend on the sound (docs/transfer.md); ``hits`` is ``markers`` when a region has any."""


@dataclass(frozen=True)
class GenerateRequest:
    """Marked regions in, sound out.

    Attributes:
        timeline: an OTIO, FCP7 XML, FCPX XML, EDL or AAF file, or a video.
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


@dataclass(frozen=True)
class Progress:
    """How far a job is: the step's name, the region it works on (1-based; 0 when none) of how many, and 0-1 of the step."""

    step: str
    region: int = 0
    regions: int = 0
    fraction: float = 0.0


Watcher = Callable[[Progress], None]
"""Called often with the progress; a watcher that raises ``errors.Cancelled`` stops the job, which then leaves nothing."""


def unwatched(progress: Progress) -> None:
    """A watcher that lets the job run."""
