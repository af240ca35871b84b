"""Another program, MLT's ``melt``, plays the result: what it renders is heard where our metadata says.

The playlist is built from the written OTIO alone: a producer per clip with its in and out points in frames, blanks between.
MLT 7.12 itself seeks into a WAV only to within 15 ms for most in points (a plain file of clicks shows the same), so takes with
handles are played at in points that it meets exactly.
"""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from job_materials import clicks, hits_in, marker, movie, run, save, timeline_of

from foley_bridge.timeline import files
from foley_bridge.timeline.media_paths import local_path

pytestmark = pytest.mark.skipif(
    shutil.which("melt") is None, reason="melt is not installed: no other program played the result"
)


def playlist(track: otio.schema.Track, rate: Fraction) -> ElementTree.Element:
    """One audio track as MLT XML: frame numbers as OTIO has them, nothing computed from seconds."""
    root = ElementTree.Element("mlt", {"LC_NUMERIC": "C"})
    profile = {"width": "96", "height": "72", "progressive": "1", "sample_aspect_num": "1", "sample_aspect_den": "1"}
    profile |= {"display_aspect_num": "4", "display_aspect_den": "3", "colorspace": "601"}
    profile |= {"frame_rate_num": str(rate.numerator), "frame_rate_den": str(rate.denominator)}
    ElementTree.SubElement(root, "profile", profile)
    entries = []
    for number, item in enumerate(track):
        first, length = item.source_range.start_time.value, item.source_range.duration.value
        if isinstance(item, otio.schema.Gap):
            entries.append(ElementTree.Element("blank", {"length": str(int(length))}))
            continue
        first -= item.media_reference.available_range.start_time.value
        producer = ElementTree.SubElement(root, "producer", {"id": f"p{number}"})
        path = local_path(item.media_reference.target_url, Path("/"))
        ElementTree.SubElement(producer, "property", {"name": "resource"}).text = str(path)
        ElementTree.SubElement(producer, "property", {"name": "mlt_service"}).text = "avformat"
        place = {"producer": f"p{number}", "in": str(int(first)), "out": str(int(first + length - 1))}
        entries.append(ElementTree.Element("entry", place))
    ElementTree.SubElement(root, "playlist", {"id": "main"}).extend(entries)
    return root


def rendered(timeline: otio.schema.Timeline, rate: Fraction, folder: Path) -> tuple[np.ndarray, int]:
    """What melt plays of the FOLEY track."""
    track = next(track for track in timeline.tracks if track.name == "FOLEY")
    ElementTree.ElementTree(playlist(track, rate)).write(folder / "play.mlt", encoding="utf-8", xml_declaration=True)
    wav = folder / "melt.wav"
    consumer = [f"avformat:{wav}", "acodec=pcm_s24le", "ar=48000", "ac=1", "vn=1", "real_time=0"]
    subprocess.run(
        ["melt", "-silent", str(folder / "play.mlt"), "-consumer", *consumer],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    return soundfile.read(wav)


@pytest.mark.parametrize("suffix", [".otio", ".xml"])
@pytest.mark.parametrize(
    ("rate", "handles"),
    [
        (Fraction(24000, 1001), ""),
        (Fraction(24), "handles=12f"),
        (Fraction(25), "handles=12f"),
        (Fraction(30000, 1001), ""),
        (Fraction(60000, 1001), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{float(value):.5g}",
)
def test_melt_plays_every_hit_where_the_metadata_says(tmp_path: Path, rate: Fraction, handles: str, suffix: str) -> None:
    fps = float(rate)
    shot = movie(tmp_path / "shot.mp4", seconds=6, rate=rate)
    times = [0.41, 0.777, 1.2345, 3.4, 3.6003, 4.9]
    hits = [otio.schema.Marker("HIT", otio.opentime.TimeRange(otio.opentime.RationalTime(t * fps, fps))) for t in times]
    marks = [marker("FOLEY kettle", 5.25, 1.5 * fps, fps), marker(f"FOLEY drum {handles}", 3.1 * fps, 2 * fps, fps)]
    cut = save(timeline_of(shot, round(6 * fps), fps, *marks, *hits, start=round(fps) * 3600), tmp_path / "cut.otio")
    done = run(
        *("generate", cut, "--out", tmp_path / f"foley{suffix}", "--media-dir", tmp_path / "media", "--takes", 1, "--json"),
        *("--exemplar", clicks(tmp_path / "hit.wav")),
    )
    assert done.status == 0, done
    timeline = files.read(done.json["out"])
    track = next(track for track in timeline.tracks if track.name == "FOLEY")
    told = [onset for clip in track.find_clips() for onset in clip.metadata["foley_bridge"]["onsets_s"]]
    assert told == pytest.approx(times, abs=1e-6)
    sound, sample_rate = rendered(timeline, rate, tmp_path)
    found = hits_in(sound, sample_rate)
    assert len(found) == len(told), found
    assert np.abs(np.array(found) - told).max() < 0.001
