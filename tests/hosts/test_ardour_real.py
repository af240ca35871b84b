"""A user's way in real Ardour, with the real daemon: regions marked, takes laid, the session saved, opened by another Ardour,
mixed down. In its window under Xvfb, where the actions are pressed over OSC, and without one."""

from __future__ import annotations

import json
import shutil
import time
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from ardour_bench import SCRIPTS, Region, Saved, do, export, make_session, needs_ardour, run_lua
from ardour_gui import Window, ardour, needs_window, select_clip, wait_for
from job_materials import clicks, hits_in, movie
from serving import Serving, command, serving

pytestmark = pytest.mark.real_host

HITS_S = (1.0, 1.32, 1.64, 4.72, 5.24)
LENGTH_S = 8
KETTLE = "FOLEY kettle like=hit takes=3"
DOOR = "FOLEY door like=hit"
EACH_OF_OURS = "for _, region in ipairs(Session:route_by_name('Foley'):to_track():playlist():region_list():table()) do"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon")) as there:
        yield there


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session as ``reel`` makes it, to be copied."""
    return reel(tmp_path_factory.mktemp("made"), None)


def copied(made: Path, folder: Path, daemon: Serving | None) -> Path:
    """The session in a folder of its own, our scripts installed."""
    install(folder, daemon)
    shutil.copytree(made.parent, folder / "reel")
    return folder / "reel" / made.name


def install(folder: Path, daemon: Serving | None) -> None:
    config = folder / "home" / ".config" / "ardour7"
    config.mkdir(parents=True)
    endpoint = daemon.endpoint if daemon else "tcp://127.0.0.1:9"
    done = command("install-host", "ardour", "--into", config, "--endpoint", endpoint, home=folder / "foley home")
    assert done.returncode == 0, done


def reel(folder: Path, daemon: Serving | None, rate: str = "25", sample_rate: int = 48000, **more: Any) -> Path:
    """A session with a picture, two regions (the first off the frame grid) and a range that is none, an example on a track of
    its own, and taps; it begins at 01:00:00:00. Our scripts installed."""
    install(folder, daemon)

    def at(seconds: float) -> int:
        return round(seconds * sample_rate)

    hit = clicks(folder / "hit.wav", rate=sample_rate)
    made: dict[str, Any] = {
        "rate": rate,
        "sample_rate": sample_rate,
        "picture": (movie(folder / "shot.mov", seconds=LENGTH_S + 1, rate=Fraction(rate)), 0),
        "ranges": [(KETTLE, at(0.80244), at(2.40065)), (DOOR, at(4.4), at(6)), ("verse", 0, at(1))],
        "marks": [("HIT", at(seconds)) for seconds in HITS_S],
        "tracks": {"Dialog": [("hit", hit, at(6.5), at(0.4))]},
        "offset": at(3600 if Fraction(rate).denominator == 1 else 3603.6),
    }
    return make_session(folder, **(made | more))


def batch(folder: Path, session: Path, *, status: int = 0, inside: Path | None = None) -> str:
    """Generate into all regions without a window, with this exit status; what was said."""
    ended, said = run_lua(folder, SCRIPTS / "ardour" / "foley_batch.lua", session, inside=inside)
    assert ended == status, said
    return said


def promised(session: Path) -> list[dict[str, Any]]:
    """Takes as the daemon says they are, from the timeline that it wrote beside the session; the last run's."""
    written = max(session.parent.glob("Foley/*/takes.otio"))
    found: list[dict[str, Any]] = []

    def look(value: Any) -> None:
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(each)
        if isinstance(value, dict) and str(value.get("OTIO_SCHEMA")).startswith("Clip"):
            found.extend(filter(None, [value["metadata"].get("foley_bridge")]))

    look(json.loads(written.read_text("utf-8")))
    return sorted(found, key=lambda clip: clip["start"]["value"])


def ours(session: Path) -> list[Region]:
    return sorted(Saved(session).tracks().get("Foley", []), key=lambda region: (region.at, region.name))


def sounding(session: Path) -> list[Region]:
    return [region for region in ours(session) if not region.muted]


def original(session: Path) -> list[str]:
    """All that was there before: the other tracks, their playlists, ranges and marks, the picture; as XML."""
    root = Xml.parse(session).getroot()
    found = [each for each in root.iterfind("Routes/Route") if each.attrib["name"] == "Dialog"]
    found += [each for each in root.iterfind("Playlists/Playlist") if each.attrib["name"] == "Dialog"]
    found += [*root.iterfind("Locations/Location"), *root.iterfind("Extra/Videotimeline"), *root.iterfind("TempoMap")]
    found = [each for each in found if "IsSessionRange" not in each.attrib.get("flags", "")]
    return [Xml.canonicalize(Xml.tostring(each, "unicode"), strip_text=True) for each in found]


def assert_heard_where_promised(folder: Path, session: Path) -> None:
    """In the mix, the takes that sound and the example clip, each within a millisecond."""
    mix = export(folder, session, LENGTH_S)
    samples, rate = soundfile.read(mix, always_2d=True)
    assert rate == Saved(session).sample_rate
    says = sorted([at for clip in promised(session) for at in clip["onsets_s"]] + [6.6])
    heard = hits_in(samples, rate)
    assert len(heard) == len(says), (heard, says)
    assert np.abs(np.array(heard) - says).max() < 0.001, (heard, says)
    assert np.array_equal(samples[:, 0], samples[:, 1])  # as loud on both sides


@needs_ardour
@pytest.mark.parametrize(
    ("rate", "sample_rate"),
    [("25", 48000), ("24000/1001", 48000), ("30000/1001", 44100)],
    ids=["25", "23.976", "29.97 drop, 44.1 kHz"],
)
def test_takes_laid_without_a_window_sound_where_the_daemon_says(
    daemon: Serving, tmp_path: Path, rate: str, sample_rate: int
) -> None:
    session = reel(tmp_path, daemon, rate, sample_rate)
    before = original(session)
    said = batch(tmp_path, session)
    assert "2 regions done, 6 takes laid on track Foley." in said
    told = promised(session)
    assert [clip["start"]["rate"] for clip in told] == [str(Fraction(rate)) + ("" if "/" in rate else "/1")] * 2
    assert np.allclose([at for clip in told for at in clip["onsets_s"]], HITS_S, rtol=0, atol=1.1 / sample_rate)
    marked = {each["text"]: (each["start"], each["stop"]) for each in Saved(session).ranges()}
    assert [(each.at, each.at + each.length) for each in ours(session)] == [marked[KETTLE]] * 3 + [marked[DOOR]] * 3
    assert [each.name for each in sounding(session)] == ["kettle, take 1 of 3", "door, take 1 of 3"]
    assert_heard_where_promised(tmp_path, session)
    assert original(session) == before
    assert {soundfile.info(path).samplerate for path in session.parent.glob("Foley/*/*.wav")} == {sample_rate}


@needs_ardour
def test_the_picture_reaches_the_daemon_where_it_lies(daemon: Serving, tmp_path: Path) -> None:
    shot = movie(tmp_path / "late.mov", seconds=6)
    session = reel(tmp_path, daemon, picture=(shot, 48000))
    assert "2 regions done" in batch(tmp_path, session)
    timeline = otio.adapters.read_from_file(str(max(session.parent.glob("Foley/*/takes.otio"))))
    picture = next(track for track in timeline.tracks if track.kind == "Video")
    clip = next(iter(picture.find_clips()))
    assert Path(clip.media_reference.target_url.removeprefix("file://")) == shot
    assert (picture.range_of_child(clip).start_time.value, clip.source_range.start_time.value) == (25, 0)
    assert timeline.global_start_time.value == 25 * 3600


@needs_ardour
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ranges": [("FOLEY door like=hit", 48000 * 60, 48000 * 62)]}, "shot.mov"),
        ({"ranges": [("FOLEY door takes=many", 48000, 96000)]}, "takes=many"),
    ],
    ids=["no picture there", "bad option"],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    daemon: Serving, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    session = reel(tmp_path, daemon, **changes)
    before = session.read_bytes()
    said = batch(tmp_path, session, status=1)
    assert says in said and "Traceback" not in said and "does not know" not in said
    assert session.read_bytes() == before


@needs_ardour
def test_without_a_daemon_it_says_so_and_changes_nothing(made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, None)
    before = session.read_bytes()
    assert "The foley_bridge daemon does not answer" in batch(tmp_path, session, status=1)
    assert session.read_bytes() == before


@needs_ardour
def test_a_session_can_be_named_from_within_its_folder(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    assert "2 regions done, 6 takes laid" in batch(tmp_path, Path(session.name), inside=session.parent)
    assert len(ours(session)) == 6


@needs_ardour
@pytest.mark.parametrize("held", [b"", b"<Session/>", None], ids=["empty", "no sample rate", "not there"])
def test_what_is_no_session_is_named(tmp_path: Path, held: bytes | None) -> None:
    (tmp_path / "home").mkdir()
    if held is not None:
        (tmp_path / "reel.ardour").write_bytes(held)
    assert "reel.ardour is no session that Ardour saved\nName the file" in batch(tmp_path, Path("reel.ardour"), status=1)


@needs_ardour
def test_a_range_that_was_deleted_meanwhile_cannot_be_renamed(tmp_path: Path) -> None:
    asked = {"session": tmp_path / "reel", "name": "reel", "create": True, "sample_rate": 48000}
    assert do(tmp_path, "rename_deleted", **asked) == "the region is gone\nMark it again."


# --- with its window ---


def save(window: Window, session: Path) -> None:
    before = session.stat().st_mtime_ns
    window.do("Session:set_dirty()")
    window.menu("Common/Save")
    wait_for(lambda: session.stat().st_mtime_ns != before, "Ardour to save")
    wait_for(lambda: session.read_bytes().rstrip().endswith(b"</Session>"), "Ardour to have saved")


def undo(window: Window, session: Path, entry: str = "undo") -> None:
    window.menu(f"Editor/{entry}")
    save(window, session)


def playhead(window: Window, seconds: float) -> None:
    """Put it somewhere: what is under it is selected when nothing else is."""
    where = round(seconds * 48000)
    how = "ARDOUR.LocateTransportDisposition.MustStop, ARDOUR.TransportRequestSource.TRS_UI"
    window.do(f"Session:request_locate({where}, false, {how})")
    wait_for(lambda: window.do("return Session:transport_sample()") == str(where), "the playhead")


@needs_window
def test_an_action_lays_takes_and_one_undo_takes_them_out(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session) as window:
        save(window, session)
        before = original(session)
        window.press("Generate into regions")
        assert window.wait_said(1).startswith("2 regions done, 6 takes laid on track Foley.")
        save(window, session)
        laid = ours(session)
        assert [each.name for each in laid if not each.muted] == ["kettle, take 1 of 3", "door, take 1 of 3"]
        for place in (laid[:3], laid[3:]):  # the one that sounds lies on top, to be seen
            assert max(place, key=lambda region: region.layer).muted is False
        undo(window, session)
        assert ours(session) == [] and original(session) == before
        undo(window, session, "redo")
        assert sorted(ours(session), key=lambda each: each.id) == sorted(laid, key=lambda each: each.id)
        assert original(session) == before
    assert_heard_where_promised(tmp_path, session)


@needs_window
def test_takes_change_as_one_step_and_lie_where_the_clip_was_moved_to(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session) as window:
        window.press("Generate into regions")
        window.wait_said(1)
        playhead(window, 1.5)
        window.press("Next take")
        save(window, session)
        assert [each.name for each in sounding(session)] == ["kettle, take 2 of 3", "door, take 1 of 3"]
        undo(window, session)
        assert [each.name for each in sounding(session)] == ["kettle, take 1 of 3", "door, take 1 of 3"]
        window.press("Previous take")
        save(window, session)
        assert [each.name for each in sounding(session)] == ["kettle, take 3 of 3", "door, take 1 of 3"]
        moved = "region:set_position(Temporal.timepos_t(60000))"
        window.do(f"{EACH_OF_OURS} if not region:muted() and region:position():samples() < 96000 then {moved} end end")
        window.press("Next take")
        save(window, session)
        kettle = sounding(session)[0]
        assert (kettle.name, kettle.at) == ("kettle, take 1 of 3", 60000)
        assert window.said()[1:] == []


@needs_window
def test_without_the_hook_the_action_waits_behind_its_progress(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session, timer=False) as window:
        playhead(window, 5)
        window.press("Generate into selected region")
        assert window.wait_said(1).startswith("1 region done, 3 takes laid on track Foley.")
        window.press("Clear foley in region")
        assert "taken out" in window.wait_said(2)
        save(window, session)
        assert ours(session) == []
        undo(window, session)
        assert [each.name for each in sounding(session)] == ["door, take 1 of 3"]
        window.press("Self-test")
        assert "All is well" in window.wait_said(3)
        window.press("Check the bridge")
        assert "foley_bridge" in window.wait_said(4)


@needs_window
def test_what_is_in_the_way_or_locked_stays_as_it_is(daemon: Serving, tmp_path: Path) -> None:
    hit = clicks(tmp_path / "own.wav")
    session = reel(tmp_path, daemon, tracks={"Foley": [("mine", hit, 48000, 24000)], "Dialog": [("hit", hit, 312000, 24000)]})
    with ardour(tmp_path, session) as window:
        window.press("Generate into regions")
        said = window.wait_said(1)
        assert "'mine' at 01:00:01:00 on track 'Foley' is in the way" in said
        save(window, session)
        assert [each.name for each in ours(session)] == ["mine"]
        window.do(f"{EACH_OF_OURS} region:set_position(Temporal.timepos_t(48000 * 30)) end")
        window.press("Place what is ready")
        assert window.wait_said(2).startswith("2 regions done, 6 takes laid on track Foley.")
        window.do(f"{EACH_OF_OURS} region:set_locked(true) end")
        playhead(window, 5)
        window.press("Clear foley in region")
        assert "'door, take" in window.wait_said(3) and "is locked" in window.wait_said(3)
        save(window, session)
        assert len(ours(session)) == 7


@needs_window
def test_a_folder_that_cannot_be_written_is_named(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session) as window:
        (session.parent / "foley.json" / "in the way").mkdir(parents=True)  # whoever one is, no file can be put there
        window.press("Generate into regions")
        assert "foley.json" in window.wait_said(1)
        save(window, session)
        assert ours(session) == []


def work(folder: Path) -> Path:
    """The folder of requests and replies."""
    config = folder / "home" / ".config" / "ardour7" / "scripts" / "foley_bridge.json"
    return Path(json.loads(config.read_text("utf-8"))["work"])


@needs_window
def test_a_run_is_cancelled_and_ardour_works_on_meanwhile(daemon: Serving, tmp_path: Path) -> None:
    ranges = [("FOLEY kettle like=hit takes=64", 38400, 115200), ("FOLEY door like=hit takes=64", 211200, 288000)]
    session = reel(tmp_path, daemon, ranges=ranges)
    with ardour(tmp_path, session) as window:
        window.press("Generate into regions")
        wait_for(lambda: [*work(tmp_path).glob("pending-*.json")], "the run to begin")
        assert window.do("return Session:name()") == "reel"  # nothing waits
        assert window.said() == []
        window.press("Progress / Cancel")
        assert "Cancel it?" in window.wait_said(1)
        assert window.wait_said(2) == "Cancelled. Nothing was changed."
        save(window, session)
        assert "Foley" not in Saved(session).tracks()
        assert [*session.parent.glob("Foley/*/*.wav")] == []


@needs_window
def test_a_run_outlives_ardour_and_is_laid_in_when_it_is_back(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session) as window:
        window.press("Generate into regions")
        wait_for(lambda: [*work(tmp_path).glob("pending-*.json")], "the run to begin")
    wait_for(lambda: [*session.parent.glob("Foley/*/takes.otio")], "the daemon to be done without Ardour")
    (pending,) = work(tmp_path).glob("pending-*.json")
    noted = json.loads(pending.read_text("utf-8"))
    pending.write_text(json.dumps(noted | {"alive": noted["alive"] - 60}), "utf-8")  # a minute later
    with ardour(tmp_path, session) as window:
        window.press("Place what is ready")
        assert window.wait_said(1).startswith("2 regions done, 6 takes laid on track Foley.")
        save(window, session)
        assert [each.name for each in sounding(session)] == ["kettle, take 1 of 3", "door, take 1 of 3"]
    assert len([*session.parent.glob("Foley/*")]) == 1


@needs_window
def test_words_and_an_example_are_written_into_the_range(daemon: Serving, made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, daemon)
    with ardour(tmp_path, session) as window:
        playhead(window, 1.5)
        select_clip(window, "Dialog")
        before = {each["id"]: each["text"] for each in Saved(session).ranges()}
        ranges = "for _, each in ipairs(Session:locations():list():table()) do if each:is_range_marker()"
        window.do(f"{ranges} then each:set_name('FOLEY bell') end end")
        window.press("Use selected clip as example for region")
        assert window.wait_said(1).startswith("'hit' is now the example of ")
        save(window, session)
        now = {each["id"]: each["text"] for each in Saved(session).ranges()}
        assert sorted(now) == sorted(before)
        kettle = next(name for name, text in before.items() if text == KETTLE)
        assert now[kettle] == "FOLEY bell like=hit"


@needs_window
def test_a_message_is_a_window_that_can_be_closed(made: Path, tmp_path: Path) -> None:
    session = copied(made, tmp_path, None)
    with ardour(tmp_path, session, recorded=False) as window:
        window.press("Next take")
        wait_for(lambda: "Foley" in window.titles(), "the message that no take is selected")
        window.key("Return")
        wait_for(lambda: "Foley" not in window.titles(), "the message to close")
        assert window.do("return Session:name()") == "reel"


@needs_window
def test_of_two_ranges_with_one_name_the_one_whose_marker_is_clicked_is_selected(tmp_path: Path) -> None:
    ranges = [("FOLEY bell", 48000, 96000), ("FOLEY bell", 192000, 240000)]
    session = reel(tmp_path, None, picture=None, ranges=ranges)
    with ardour(tmp_path, session) as window:
        select_clip(window, "Dialog")
        place = "for marker in Editor:get_selection().markers:iter() do return marker:position():samples() end"
        for x in range(308, 344, 4):  # 2048 samples a pixel; the range markers' bar as 7.3 opens its window
            window.click(x, 192)
            time.sleep(0.5)  # or two are a double click
            if window.do(place) in ("192000", "240000"):
                break
        assert window.do(place) in ("192000", "240000")
        window.press("Use selected clip as example for region")
        assert window.wait_said(1) == "'hit' is now the example of 1 region. Generate to hear it."
        save(window, session)
        texts = {each["start"]: each["text"] for each in Saved(session).ranges()}
        assert texts == {48000: "FOLEY bell", 192000: "FOLEY bell like=hit"}


def test_the_scripts_that_are_installed_name_the_daemon(tmp_path: Path) -> None:
    config = tmp_path / "ardour7"
    config.mkdir()
    done = command("install-host", "ardour", "--into", config, "--endpoint", "tcp://127.0.0.1:7001", home=tmp_path / "home")
    assert done.returncode == 0, done
    assert json.loads((config / "scripts" / "foley_bridge.json").read_text("utf-8"))["endpoint"] == "tcp://127.0.0.1:7001"
