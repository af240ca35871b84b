"""What MLT's ``melt`` plays of a timeline, from a playlist built of whole frames alone."""

from __future__ import annotations

import contextlib
import subprocess
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import opentimelineio as otio
import soundfile

from foley_bridge.timeline.media_paths import local_path


def playlist(track: otio.schema.Track, rate: Fraction, base: Path) -> ElementTree.Element:
    """One audio track as MLT XML: frame numbers as OTIO has them, nothing computed from seconds; paths start from ``base``."""
    root = ElementTree.Element("mlt", {"LC_NUMERIC": "C"})
    profile = {"width": "96", "height": "72", "progressive": "1", "sample_aspect_num": "1", "sample_aspect_den": "1"}
    profile |= {"display_aspect_num": "4", "display_aspect_den": "3", "colorspace": "601"}
    profile |= {"frame_rate_num": str(rate.numerator), "frame_rate_den": str(rate.denominator)}
    ElementTree.SubElement(root, "profile", profile)
    entries = []
    for number, item in enumerate(track):
        first, length = item.source_range.start_time.value, item.source_range.duration.value
        if isinstance(item, otio.schema.Gap):
            entries.append(ElementTree.Element("blank", {"length": str(round(length))}))
            continue
        first -= item.media_reference.available_range.start_time.value
        producer = ElementTree.SubElement(root, "producer", {"id": f"p{number}"})
        path = local_path(item.media_reference.target_url, base)
        ElementTree.SubElement(producer, "property", {"name": "resource"}).text = str(path)
        ElementTree.SubElement(producer, "property", {"name": "mlt_service"}).text = "avformat"
        place = {"producer": f"p{number}", "in": str(round(first)), "out": str(round(first + length - 1))}
        entries.append(ElementTree.Element("entry", place))
    ElementTree.SubElement(root, "playlist", {"id": "main"}).extend(entries)
    return root


def rendered(timeline: otio.schema.Timeline, rate: Fraction, folder: Path) -> tuple[np.ndarray, int]:
    """What melt plays of the FOLEY track of a timeline in a folder."""
    track = next(track for track in timeline.tracks if track.name == "FOLEY")
    ElementTree.ElementTree(playlist(track, rate, folder)).write(folder / "play.mlt", encoding="utf-8", xml_declaration=True)
    wav = folder / "melt.wav"
    consumer = [f"avformat:{wav}", "acodec=pcm_s24le", "ar=48000", "ac=1", "vn=1", "real_time=0"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for patience_s in (30, 60, 120):  # on a busy machine melt was seen to stand still now and then
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = ["melt", "-silent", str(folder / "play.mlt"), "-consumer", *consumer]
            subprocess.run(command, check=True, timeout=patience_s, **quiet)
            return soundfile.read(wav)
    raise AssertionError("melt does not come to an end")
