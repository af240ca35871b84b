"""What a movie file is: its picture's size, rate, length and start timecode, read without decoding it.

Containers lie about lengths (they count the sound, or were cut off), so the end of the picture is looked up in the file's last
packets. The picture's clock starts at its first frame, whose time in the file (``origin``) is asked of the decoder: edit lists,
B-frames and transport streams all make it differ from what the header says.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from foley_bridge.errors import MediaError, TimelineError
from foley_bridge.timeline.time import parse_timecode

LOCAL_ONLY = {"protocol_whitelist": "file"}  # a play list that calls itself a movie must not reach out
PLAYLIST = b"#EXTM3U"
LISTING_FORMATS = {"hls", "concat", "dash", "imf", "sdp", "rtsp", "webm_dash_manifest"}  # they open other files
TAIL_S = 2  # the last packets are looked for from here before the stated end
STILL_CODECS = {"png", "mjpeg", "tiff", "bmp", "webp", "exr", "dpx", "targa", "jpeg2000", "gif", "jpegls", "sgi", "psd"}
RAW = {"aac", "ac3", "eac3", "dts", "mp3", "h264", "hevc", "mpegvideo", "m4v"}  # no index: lengths and seeks are guesses
DEFAULT_RATE = Fraction(25)
SAME_RATE = Fraction(1, 200_000)  # how far a rate averaged over rounded times strays


@dataclass(frozen=True)
class VideoInfo:
    """A movie's picture.

    Attributes:
        path: the file.
        width, height: in square pixels, upright.
        rate: average frames per second, exact.
        frames: how many; counted by the container, or estimated from length and rate.
        duration: seconds from the first picture to the end of the last one.
        start_timecode: seconds, when the file carries one.
        codec, pixel_format: as FFmpeg names them.
        has_sound: the file has at least one audio stream.
        still: a single image, shown for ever.
        origin: seconds on the file's own clock at which the first picture appears.
        tick: seconds by which the container may have rounded picture times (1/1000 in WebM).
    """

    path: str
    width: int
    height: int
    rate: Fraction
    frames: int
    duration: Fraction
    start_timecode: Fraction | None
    codec: str
    pixel_format: str
    has_sound: bool
    still: bool
    origin: Fraction
    tick: Fraction


def _points_elsewhere(path: str | Path) -> MediaError:
    return MediaError(f"{path}: is a play list, not a movie", "relink the clip to the movie itself")


def open_media(path: str | Path) -> Any:
    """An open PyAV container on a local file.

    Raises:
        MediaError: missing, unreadable, or nothing that FFmpeg knows.
    """
    if not Path(path).is_file():
        raise MediaError(f"{path}: there is no such file", "check the path, or relink the clip")
    try:
        with Path(path).open("rb") as file:
            listing = file.read(len(PLAYLIST)) == PLAYLIST
        if listing:  # told before FFmpeg opens what it lists
            raise _points_elsewhere(path)
        container = av.open(f"file:{path}", options=LOCAL_ONLY, metadata_errors="replace")
        if LISTING_FORMATS & set(container.format.name.split(",")):
            container.close()
            raise _points_elsewhere(path)
        return container
    except PermissionError as error:
        raise MediaError(f"{path}: may not be read", "check the file's permissions") from error
    except av.PermissionError as error:
        raise MediaError(f"{path}: may not be read", "check the file's permissions") from error
    except (av.FFmpegError, UnicodeError) as error:
        raise MediaError(
            f"{path}: is not a readable picture or sound file",
            "it may be cut off, still being written, or another kind of file",
        ) from error


def open_picture(path: str | Path) -> tuple[Any, Any]:
    """(container, video stream); cover art is not a picture.

    Raises:
        MediaError: as `open_media`, or the file has no picture.
    """
    container = open_media(path)
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
    ]
    if not streams or container.format.name == "tty":
        container.close()
        raise MediaError(f"{path}: has no picture", "give a movie or an image; of sound alone nothing can be seen")
    return container, max(streams, key=lambda stream: bool(stream.disposition & Disposition.default))


def probe(path: str | Path) -> VideoInfo:
    """What the movie is. Kept per file as long as its size and modification time stay.

    Raises:
        MediaError: missing, unreadable, or without a picture.
    """
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise MediaError(f"{path}: cannot be read, {error.strerror}", "check the path, or relink the clip") from error
    return _probe(str(path), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=256)
def _probe(path: str, mtime_ns: int, size: int) -> VideoInfo:
    container, stream = open_picture(path)
    with container:
        first = _first_picture(path, container, stream)
    container, stream = open_picture(path)
    with container:
        rate = _exact(Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or DEFAULT_RATE))
        origin = Fraction(0) if first.pts is None else first.pts * first.time_base
        still = (
            container.format.name == "image2"
            or container.format.name.endswith("_pipe")
            or (stream.codec_context.name in STILL_CODECS and stream.frames == 1)
        )
        tick = Fraction(stream.time_base)
        length = 1 / rate if still else stream_end(container, stream, rate) - origin
        whole = round(length * rate) / rate
        duration = whole if abs(whole - length) <= 2 * tick else length  # both ends were rounded
        frames = 1 if still else stream.frames or round(duration * rate)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        width, height = max(1, round(first.width * aspect)), first.height
        if round(first.rotation / 90) % 2:
            width, height = height, width
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            rate=rate,
            frames=frames,
            duration=duration,
            start_timecode=_start_timecode(container, rate),
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            has_sound=bool(container.streams.audio),
            still=still,
            origin=origin,
            tick=tick,
        )


def _exact(rate: Fraction) -> Fraction:
    """A rate measured from rounded times (2997/125) as the N * 1000/1001 or whole rate that it stands for."""
    for exact in (Fraction(round(rate)), Fraction(round(rate * Fraction(1001, 1000)) * 1000, 1001)):
        if abs(rate - exact) < exact * SAME_RATE:
            return exact
    return rate


def _first_picture(path: str, container: Any, stream: Any) -> Any:
    stream.thread_type = "SLICE"  # frame threads would read ahead for nothing
    try:
        for packet in container.demux(stream):
            try:
                for frame in stream.codec_context.decode(packet):
                    return frame
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        pass
    raise MediaError(f"{path}: no picture in it can be decoded", "it may be cut off or damaged; copy or export the file again")


def stream_end(container: Any, stream: Any, packet_rate: Fraction) -> Fraction:
    """Seconds on the file's clock at which the stream ends: from the last packets, else as the container states it.

    Args:
        container, stream: just opened; reading on from here is no longer possible afterwards.
        packet_rate: packets per second, for packets that do not say how long they last.
    """
    start = (stream.start_time or 0) * stream.time_base
    stated = start + stream.duration * stream.time_base if stream.duration else None
    if stated is None and container.duration:
        stated = Fraction((container.start_time or 0) + container.duration, av.time_base)
    if container.format.name.startswith("mov") and stated is not None:
        return stated
    try:
        if stated is not None and container.format.name not in RAW:
            container.seek(int(max(Fraction(0), stated - TAIL_S) / stream.time_base), stream=stream, backward=True)
        last, count = None, 0
        for packet in container.demux(stream):
            count += bool(packet.size)
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None:
                end = time * stream.time_base + (packet.duration * stream.time_base if packet.duration else 1 / packet_rate)
                last = end if last is None else max(last, end)
        if last is not None:
            return last
        if stated is None:  # a raw stream, without times
            return count / packet_rate
    except av.FFmpegError:
        pass
    return stated if stated is not None else start


def start_timecode(path: str | Path) -> Fraction | None:
    """The start timecode a movie carries, in seconds since midnight; None when it has none.

    Raises:
        MediaError: missing or unreadable.
    """
    return probe(path).start_timecode


def _start_timecode(container: Any, rate: Fraction) -> Fraction | None:
    """The first timecode tag of the picture, a timecode track (QuickTime ``tmcd``) or the container, at that track's rate."""
    for stream in [*container.streams.video, *container.streams.data]:
        label = stream.metadata.get("timecode")
        if label:
            break
    else:
        label = container.metadata.get("timecode")
    if not label:
        return None
    try:
        return parse_timecode(label.replace(".", ";"), rate) / rate
    except (TimelineError, ValueError):
        return None
