"""Hostile timelines: mutated OTIO documents, made from a seed, and what a job does with each until it would touch media.

Run as a script by ``test_fuzz_timelines.py``, in a process of its own whose death is a failure:

    python tests/timeline_fuzz.py SEED FIRST LAST [--own-child]

It says the number of each document before it reads it, so that the last line names the one that killed it. Reading goes
through ``timeline.files.read``; only the child process, which takes 90 ms to start, is kept warm for the next document and
started again when it dies. ``--own-child`` starts one for each, as the program does.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from foley_bridge.errors import FoleyError
from foley_bridge.jobs.cues import settle
from foley_bridge.jobs.job import Job
from foley_bridge.jobs.opening import open_request
from foley_bridge.jobs.outputs import Outputs
from foley_bridge.jobs.refusals import refuse_overwriting_media
from foley_bridge.jobs.request import GenerateRequest, unwatched
from foley_bridge.jobs.roots import Roots
from foley_bridge.jobs.sight import BLIND
from foley_bridge.timeline import child, files
from foley_bridge.timeline.picture import Picture
from foley_bridge.timeline.place import PlacedTake, Placement, mark_hits, place_takes

Node = dict[str, Any]

# --- sound documents to begin with ---


def _range(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def _clip(name: str, start: float, length: float, url: str = "/nowhere/shot.mov") -> otio.schema.Clip:
    return otio.schema.Clip(name, otio.schema.ExternalReference(url, _range(0, 5000)), _range(start, length))


def _plain() -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("reel", global_start_time=RationalTime(86400, 24))
    timeline.tracks.append(otio.schema.Track("V1", [_clip("a", 5, 100), _clip("b", 0, 80)], kind="Video"))
    timeline.tracks.markers.append(otio.schema.Marker("FOLEY footsteps gravel takes=2 fade=3f", _range(10, 48)))
    timeline.tracks.markers.append(otio.schema.Marker("FOLEY door level=-20", _range(90, 24)))
    timeline.tracks.markers.append(otio.schema.Marker("HIT", _range(20, 1)))
    timeline.tracks.markers[0].metadata["foley_bridge"] = {"truth_s": [0.5, 1]}
    return timeline


def _nested() -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("nested", global_start_time=RationalTime(0, 23.976))
    fast, slow, still = _clip("fast", 0, 60), _clip("backwards", 30, 40), _clip("still", 9, 30)
    fast.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    slow.effects.append(otio.schema.LinearTimeWarp(time_scalar=-0.5))
    still.effects.append(otio.schema.FreezeFrame())
    fast.markers.append(otio.schema.Marker("FOLEY cloth hits=markers", _range(10, 40)))
    slow.markers.append(otio.schema.Marker("HIT", _range(40, 1)))
    off = _clip("off", 0, 20)
    off.enabled = False
    off.markers.append(otio.schema.Marker("FOLEY never", _range(0, 10)))
    dissolve = otio.schema.Transition("d", "SMPTE_Dissolve", RationalTime(6, 24), RationalTime(6, 24))
    inner = otio.schema.Stack("inner", [otio.schema.Track("in V", [fast, dissolve, slow], kind="Video")])
    inner.markers.append(otio.schema.Marker("FOLEY drop seed=4", _range(70, 12)))
    pictures = otio.schema.ImageSequenceReference(
        "/nowhere/", "frame.", ".exr", 1, 1, 24.0, 4, available_range=_range(0, 100), metadata={"a": [1, {"b": None}]}
    )
    first = otio.schema.Track("V1", [_clip("x", 0, 24), inner, still, off], kind="Video")
    second = otio.schema.Track("V2", [otio.schema.Gap(source_range=_range(0, 50))], kind="Video")
    second.append(otio.schema.Clip("sequence", pictures, _range(3, 20)))
    second.append(otio.schema.Clip("bars", otio.schema.GeneratorReference("bars", "SMPTEBars", _range(0, 50)), _range(0, 10)))
    second.append(otio.schema.Clip("lost", otio.schema.MissingReference(), _range(0, 30)))
    sound = otio.schema.Clip(
        "dialogue", otio.schema.ExternalReference("s.wav", _range(0, 480_000, 48_000)), _range(0, 96_000, 48_000)
    )
    timeline.tracks.extend([first, second, otio.schema.Track("A1", [sound], kind="Audio")])
    timeline.tracks.metadata["fcp_xml"] = {"enabled": "FALSE", "comments": {"mastercomment4": '{"foley_bridge": {}}'}}
    return timeline


def _bin() -> otio.schema.SerializableCollection:
    return otio.schema.SerializableCollection("bin", [_clip("loose", 0, 5), _plain()])


def _old() -> Node:
    """As OpenTimelineIO wrote clips before they could have several media."""
    document = _document(_plain())
    for clip in document["tracks"]["children"][0]["children"]:
        clip["OTIO_SCHEMA"] = "Clip.1"
        clip["media_reference"] = clip.pop("media_references")["DEFAULT_MEDIA"]
        clip.pop("active_media_reference_key")
    return document


def _document(thing: Any) -> Node:
    return dict(json.loads(otio.adapters.write_to_string(thing, "otio_json")))


# --- mutations of the structure ---

SCHEMAS = """
    Timeline.1 Stack.1 Track.1 Clip.1 Clip.2 Gap.1 Transition.1 Marker.2 Marker.1 TimeRange.1 RationalTime.1 TimeTransform.1
    ExternalReference.1 MissingReference.1 GeneratorReference.1 ImageSequenceReference.1 LinearTimeWarp.1 FreezeFrame.1 Effect.1
    SerializableCollection.1 SerializableObjectRef.1 SerializableObject.1 Composition.1 Item.1 Sequence.1 Box2d.1 V2d.1
    UnknownSchema.1 Timeline.99 Clip.99 Stack.0 Stack.-1 Stack Stack. .1 Stack.x Nonsense.1
"""
NUMBERS = (
    0,
    -1,
    1,
    24,
    0.5,
    -0.0,
    1e-9,
    5e-324,
    1e-300,
    1e9,
    1e18,
    1e308,
    -1e308,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
)
ODD_NUMBERS = (math.nan, math.inf, -math.inf, 10**400, True)
URLS = (
    "",
    " ",
    "/dev/zero",
    "/dev/stdin",
    "//server/share/a.mov",
    "\\\\.\\PhysicalDrive0",
    "file:///dev/full",
    "file://evil.example/a.mov",
    "file://",
    "file:",
    "http://127.0.0.1:1/a.mov",
    "C:\\a.mov",
    "../" * 200 + "etc/passwd",
    "a\0b.mov",
    "a" * 5000,
    "/" + "d/" * 3000,
    "%00%ff%2e%2e%2f",
    "\ud800.mov",
    "~nobody.here/a.mov",
    "concat:/a|/b",
    ".",
    "/",
)
TEXTS = (
    "FOLEY",
    "FOLEY:",
    "foley x takes=65",
    "FOLEY x takes=0",
    "FOLEY like=~nobody.here/x.wav",
    "FOLEY like='",
    "FOLEY like=\0",
    "FOLEY like=" + "a" * 5000,
    "FOLEY seed=99999999999999999999",
    "FOLEY fade=999999999999f",
    "FOLEY level=nan",
    "FOLEY offset=-1e9",
    "FOLEY ucs=ZZZZ",
    "FOLEY engine=classes",
    "FOLEY " + "x" * 20_000,
    "FOLEY \ud800 \u202e\n\t",
    "HIT",
    "",
)
OTHERS: tuple[Any, ...] = (
    None,
    False,
    True,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"OTIO_SCHEMA": None},
    {"OTIO_SCHEMA": 5},
    {"": ""},
)


def _places(root: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of a document."""
    places, pending = [], [root]
    while pending:
        node = pending.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                pending.append(node[key])
    return places


def _objects(root: Any) -> list[Node]:
    held = [node[key] for node, key in _places(root)]
    return [root, *(node for node in held if isinstance(node, dict) and "OTIO_SCHEMA" in node)]


def _put_value(root: Node, dice: random.Random) -> None:
    node, key = dice.choice(_places(root))
    node[key] = copy.deepcopy(dice.choice([*OTHERS, *NUMBERS, *ODD_NUMBERS, *TEXTS, *URLS]))


def _take_away(root: Node, dice: random.Random) -> None:
    node, key = dice.choice(_places(root))
    del node[key]


def _put_number(root: Node, dice: random.Random) -> None:
    numbers = [(n, k) for n, k in _places(root) if isinstance(n[k], int | float)]
    if numbers:
        node, key = dice.choice(numbers)
        node[key] = dice.choice([*NUMBERS, *NUMBERS, *ODD_NUMBERS, -node[key], node[key] * 1e9, node[key] + 0.5])


def _scale_time(root: Node, dice: random.Random) -> None:
    times = [thing for thing in _objects(root) if str(thing.get("OTIO_SCHEMA")).startswith("RationalTime")]
    if times:
        time = dice.choice(times)
        time["rate"] = dice.choice([24, 23.976, 25, 48000, 1, 1000, 1e-5, 14.96, 999.99, 1.0000001, 1e300, 1e-320])


def _put_schema(root: Node, dice: random.Random) -> None:
    dice.choice(_objects(root))["OTIO_SCHEMA"] = dice.choice(SCHEMAS.split())


def _put_text(root: Node, dice: random.Random) -> None:
    texts = [
        (n, k) for n, k in _places(root) if k in ("name", "comment", "kind", "target_url", "target_url_base", "name_prefix")
    ]
    if texts:
        node, key = dice.choice(texts)
        node[key] = dice.choice(URLS if "url" in str(key) else TEXTS)


def _put_url(root: Node, dice: random.Random) -> None:
    urls = [(n, k) for n, k in _places(root) if k in ("target_url", "target_url_base", "name_prefix", "name_suffix")]
    if urls:
        node, key = dice.choice(urls)
        node[key] = dice.choice(URLS)


def _copy_elsewhere(root: Node, dice: random.Random) -> None:
    """A piece of the document in another place of it: tracks in tracks, timelines in markers, times where clips belong."""
    node, key = dice.choice(_places(root))
    held = copy.deepcopy(dice.choice(_objects(root)))
    lists = [n[k] for n, k in _places(root) if isinstance(n[k], list)]
    if lists and dice.random() < 0.5:
        dice.choice(lists).append(held)
    else:
        node[key] = held


def _wrap(root: Node, dice: random.Random) -> None:
    """A child deep inside stacks or tracks."""
    lists = [n[k] for n, k in _places(root) if k == "children" and isinstance(n[k], list) and n[k]]
    if not lists:
        return
    children = dice.choice(lists)
    at = dice.randrange(len(children))
    for level in range(dice.choice([1, 2, 5, 60, 120, 124, 126, 130, 400])):
        kind = {"OTIO_SCHEMA": "Track.1", "kind": "Video"} if level % 2 else {"OTIO_SCHEMA": "Stack.1"}
        children[at] = {**kind, "children": [children[at]]}


def _repeat(root: Node, dice: random.Random) -> None:
    lists = [n[k] for n, k in _places(root) if isinstance(n[k], list) and n[k]]
    if lists:
        several = dice.choice(lists)
        several.extend(copy.deepcopy(dice.choice(several)) for _ in range(dice.choice([1, 2, 30])))


def _refer(root: Node, dice: random.Random) -> None:
    """OpenTimelineIO's own references between objects, also to one that holds the place itself."""
    things = _objects(root)
    dice.choice(things)["OTIO_REF_ID"] = "r1"
    node, key = dice.choice(_places(root))
    node[key] = {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": dice.choice(["r1", "r1", "r2", None])}
    if dice.random() < 0.3:
        dice.choice(things)["OTIO_REF_ID"] = dice.choice(["r1", 5, None])


def _add_key(root: Node, dice: random.Random) -> None:
    thing = dice.choice(_objects(root))
    name = dice.choice(
        ["source_range", "media_reference", "effects", "markers", "enabled", "color", "parent", "\0", "time_scalar"]
    )
    thing[name] = copy.deepcopy(dice.choice([*OTHERS, *NUMBERS, *_objects(root)]))


STRUCTURE: tuple[Callable[[Node, random.Random], None], ...] = (
    _put_value,
    _take_away,
    _put_number,
    _put_number,
    _scale_time,
    _put_schema,
    _put_text,
    _put_url,
    _copy_elsewhere,
    _wrap,
    _repeat,
    _refer,
    _add_key,
)

# --- mutations of the bytes ---


def _bytes_changed(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 10])):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(8):
            case 0 if at < len(changed):
                changed[at] ^= 1 << dice.randrange(8)
            case 1 if at < len(changed):
                changed[at] = dice.choice(b'{}[]",:\\\0\xff0-e.')
            case 2:
                del changed[at : at + dice.choice([1, 4, 100])]
            case 3:
                del changed[at:]
            case 4:
                changed[at:at] = dice.choice(
                    [b"null", b"NaN", b"-Infinity", b"1e999", b"\xed\xa0\x80", b"\\ud800", b"/**/", b'"', b"0" * 5000]
                )
            case 5:
                changed[at:at] = dice.choice([b"[", b'{"a":', b"]", b"}"]) * dice.choice([1, 255, 257, 5000])
            case 6:
                end = min(len(changed), at + dice.randrange(1, 400))
                changed[at:at] = changed[at:end]
            case _:
                changed[at:at] = struct.pack("<d", dice.choice(NUMBERS[:12]))
    return bytes(changed)


def _encoded_otherwise(data: bytes, dice: random.Random) -> bytes:
    text = data.decode("utf-8")
    return dice.choice(
        [
            b"\xef\xbb\xbf" + data,
            text.encode("utf-16"),
            text.encode("utf-32-le"),
            data + data,
            data + b"\0",
            b"\n" * 1000 + data,
            data.replace(b'"tracks"', b'"tracks": null, "tracks"', 1),
            data.replace(b'"OTIO_SCHEMA"', b'"OTIO_SCHEMA": "Clip.2", "OTIO_SCHEMA"', 1),
            data.replace(b'"OTIO_SCHEMA"', b'"OTIO\\u005fSCHEMA"'),
            data.replace(b"Timeline.1", b"Timeline.1\\u0000"),
        ]
    )


def documents(seed: int, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """The documents numbered ``first`` to ``last`` (left out) of a seed; each depends on its number alone."""
    sound = [_document(_plain()), _document(_nested()), _document(_bin()), _old()]
    for number in range(first, last):
        dice = random.Random(f"{seed} {number}")
        root = copy.deepcopy(dice.choices(sound, [4, 6, 1, 1])[0])
        style = dice.random()
        if style < 0.75:
            with contextlib.suppress(RecursionError, OverflowError):  # too deep to copy, too large to calculate
                for _ in range(dice.choice([1, 1, 1, 2, 4])):
                    if _places(root):
                        dice.choice(STRUCTURE)(root, dice)
        try:
            data = json.dumps(root, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
        except RecursionError:
            data = b'{"OTIO_SCHEMA": "Timeline.1", "tracks": ' + b'{"children": [' * 2000
        if 0.7 < style < 0.97:
            data = _bytes_changed(data, dice)
        elif style >= 0.97:
            data = _encoded_otherwise(data, dice)
        yield number, data


# --- what a job does with one ---


def work(path: Path, exemplar: Path, *, confined: bool) -> str:
    """Open, settle, look at the picture, place takes and write, as a job does; says how it went.

    Args:
        path: the document.
        exemplar: a file beside it.
        confined: only files of that folder may be read.

    Raises:
        AssertionError: something was accepted that cannot be.
        Exception: whatever is not a FoleyError is a fault of the program.
    """
    folder = path.parent
    roots = Roots(media=(folder,)) if confined else Roots(maps=(("/nowhere", folder), ("C:", Path("/elsewhere"))))
    request = GenerateRequest(path, folder / "out.otio", folder / "takes", exemplar, roots=roots)
    try:
        opened = open_request(path, ("0-1 more", "5f-9f FOLEY given"), roots=roots)
    except FoleyError as error:
        return _refused("opening", error)
    assert 1 < opened.rate < 1000
    for before, after in pairwise(opened.regions):
        assert before.end <= after.start, "regions overlap"
    for region in opened.regions:
        assert 0 <= region.start < region.end <= opened.duration, region
        assert all(region.start <= hit < region.end for hit in region.hits), region
        assert region.name and region.rate == opened.rate
        assert all(map(math.isfinite, region.truth_s))
    for refused in opened.refused:
        assert refused.error.message
    try:
        cues, _ = settle(opened, request, BLIND)
        job = Job(request, opened, tuple(cues), {}, Outputs(folder, "fuzz"), unwatched)
        for cue in cues:
            assert cue.example is not None and (not confined or cue.example.path.resolve().is_relative_to(folder))
            _look_at(job.picture(cue), folder if confined else None)
        _look_at(job.whole_picture(), folder if confined else None)
        refuse_overwriting_media(job)
    except FoleyError as error:
        return _refused("settling", error)
    clips = len(opened.timeline.find_clips())
    try:
        placements = []
        for cue in cues:
            cut = job.cut(cue)
            take = PlacedTake(Path("take.wav"), cut.start, cut.end - cut.start, cut.handle, 48000, 48000, 1, (0.0,), 0.5, 0)
            placements.append(Placement(cue.region, (take,), cue.engine))
            mark_hits(opened.timeline, cue.region, [(hit, 1.0) for hit in cue.region.hits])
        taken = place_takes(opened.timeline, placements)
        opened.under_seats_names(taken, roots)
        files.write(opened.timeline, request.out, base=Path("/elsewhere"))
        back = files.read(request.out)
    except FoleyError as error:
        return _refused("writing", error)
    assert len(back.find_clips()) == clips + len(cues), "clips were lost"
    return "accepted"


def _look_at(picture: Picture, folder: Path | None) -> None:
    """No hole in it, and no media from outside ``folder``."""
    for before, after in pairwise(picture.spans):
        assert before.end == after.start, "the picture has a hole"
    for span in picture.spans:
        assert span.start < span.end
        if folder is not None and span.media is not None and span.media.path:
            assert Path(span.media.path).resolve().is_relative_to(folder), span.media
    picture.at(picture.spans[-1].end)
    str(picture.missing)


def _refused(at: str, error: FoleyError) -> str:
    assert error.message
    return f"refused {at}"


class WarmChild:
    """``timeline/child.py`` in one process for many documents, for ``files._in_child``; what kills it is told as there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def __call__(self, path: Path, verb: str, data: bytes, arguments: list[str]) -> bytes:
        assert arguments == ["json"]
        if self._process is None:
            command = [sys.executable, "-P", __file__, "--child"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None and answers is not None
        try:
            pipe.write(struct.pack(">I", len(data)) + data)
            pipe.flush()
            head = answers.read(5)
        except OSError:
            head = b""
        if len(head) < 5:
            self._process.kill()
            self._process.communicate()
            self._process = None
            self.deaths += 1
            raise files.TimelineError(f"{path} cannot be {verb}: it crashes OpenTimelineIO")
        code, length = struct.unpack(">BI", head)
        text = answers.read(length)
        if code:
            raise files.TimelineError(f"{path} cannot be {verb} as {path.suffix.lower()}: {text.decode()}")
        return text

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def be_warm_child() -> None:
    """Answer each document as child.py does: exit code, and the timeline or the fault."""
    child.limit_memory()
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while head := source.read(4):
        try:
            code, text = 0, child.carry_out("json", source.read(struct.unpack(">I", head)[0]))
        except Exception as error:
            code, text = 3, child.fault(error).encode("utf-8", "replace")
        answers.write(struct.pack(">BI", code, len(text)) + text)
        answers.flush()


def main() -> int:
    """Work through the documents; 1 when one of them was not taken as it should be."""
    if sys.argv[1] == "--child":
        be_warm_child()
        return 0
    seed, first, last = (int(text) for text in sys.argv[1:4])
    warm = WarmChild()
    if "--own-child" not in sys.argv:
        files._in_child = warm
    told: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "hostile.otio"
        exemplar = path.with_name("example.wav")
        exemplar.write_bytes(b"RIFF")
        for number, data in documents(seed, first, last):
            print(number, flush=True)
            path.write_bytes(data)
            try:
                told[work(path, exemplar, confined=number % 3 == 0)] += 1
            except Exception:
                faults += 1
                print(f"document {number} of seed {seed}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
    warm.close()
    print(json.dumps({**told, "child died": warm.deaths, "faults": faults}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
