"""A user's way in real Blender, with the real daemon: regions marked, takes laid, project saved, opened again, mixed down."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from blender_bench import do, each_blender, install
from job_materials import clicks, hits_in, movie
from serving import Serving, serving

HITS = (25, 33, 41, 118, 131)  # frames from the project's first


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("daemon")) as there:
        yield there


@pytest.fixture
def studio(daemon: Serving, tmp_path: Path) -> Path:
    """A folder with the add-on installed, for this daemon."""
    install(tmp_path, "--endpoint", daemon.endpoint)
    return tmp_path


def reel(python: str, folder: Path, fps: int = 25, base: float = 1.0, start: int = 1) -> Path:
    """A saved project of a picture with two regions, one marked by a strip and one by markers."""
    there, media = folder / "Rolle 1 ä", folder / "Bild & Ton"  # not beside each other: Blender's paths climb with ".."
    there.mkdir()
    media.mkdir()
    points = [{"name": "FOLEY door like=hit.wav", "at": 110}, {"name": "END", "at": 150}]
    do(
        python,
        folder,
        "project",
        blend=there / "reel.blend",
        fps=fps,
        base=base,
        start=start,
        length=200,
        movies=[("shot.mov", movie(media / "shot.mov", seconds=8, rate=Fraction(fps) / Fraction(str(base))))],
        sounds=[("hit.wav", clicks(media / "hit.wav"))],
        marks=[{"start": 20, "stop": 60, "words": "kettle like=hit.wav takes=3"}],
        points=points + [{"name": "HIT", "at": at} for at in HITS],
    )
    return there / "reel.blend"


def session(python: str, blend: Path, *steps: Any) -> list[Any]:
    """Things done in one Blender: names of steps, or dictionaries."""
    return do(
        python,
        blend.parents[1],
        "session",
        blend=blend,
        steps=[step if isinstance(step, dict) else {"do": step} for step in steps],
    )


def act(action: str, **options: Any) -> dict[str, Any]:
    return {"do": "act", "action": action, **options}


GENERATE = act("generate", which="all")


def takes(look: dict[str, Any]) -> list[dict[str, Any]]:
    """Our strips in time order."""
    found = [strip for strip in look["strips"] if (strip["note"] or {}).get("kind") == "take"]
    return sorted(found, key=lambda strip: strip["frame_final_start"])


def others(look: dict[str, Any]) -> list[dict[str, Any]]:
    return [strip for strip in look["strips"] if strip not in takes(look)]


def promised(blend: Path) -> list[dict[str, Any]]:
    """Takes as the daemon says they are, from the timeline that it wrote beside the project; the last run's."""
    written = json.loads(max(blend.parent.glob("Foley/*/takes.otio")).read_text("utf-8"))
    tracks = written["tracks"]["children"]
    notes = [clip["metadata"].get("foley_bridge") for track in tracks for clip in track["children"]]
    return sorted((note for note in notes if note), key=lambda note: note["start"]["value"])


def heard(path: Path) -> list[float]:
    samples, rate = soundfile.read(path)
    return hits_in(samples, rate)


@pytest.mark.parametrize(
    ("fps", "base", "start"), [(25, 1.0, 1), (24, 1.001, 1001), (30, 1.001, 0)], ids=["25", "23.976", "29.97"]
)
@each_blender()
def test_hits_sound_where_the_daemon_says_after_saving_and_opening_again(
    python: str, studio: Path, fps: int, base: float, start: int
) -> None:
    blend = reel(python, studio, fps, base, start)
    mix = studio / "mix.wav"
    before, ran, _, _ = session(python, blend, "look", GENERATE, "look", "save")
    assert ran["said"].startswith("2 regions done"), ran
    after, _ = session(python, blend, "look", {"do": "mixdown", "path": mix})
    rate = Fraction(fps) / Fraction(str(base))

    told = promised(blend)
    assert [clip["start"]["rate"] for clip in told] == [f"{rate.numerator}/{rate.denominator}"] * 2
    for strip, clip in zip(takes(after), told, strict=True):
        assert strip["frame_final_start"] == start + clip["start"]["value"]
        assert strip["frame_final_end"] == start + clip["start"]["value"] + clip["duration"]["value"]
        assert strip["frame_start"] == strip["frame_final_start"] and strip["frame_offset_start"] == 0
        assert Path(strip["path"]).resolve() == Path(clip["path"]).resolve() and not strip["packed"]
        assert after["channels"][strip["channel"]][0] == "Foley"

    says = [at for clip in told for at in clip["onsets_s"]]
    assert np.allclose(says, [float(at / rate) for at in HITS], rtol=0, atol=1e-6)
    hits = heard(mix)
    assert len(hits) == len(says)
    assert np.abs(np.array(hits) - says).max() < 0.001
    assert others(after) == others(before) and after["markers"] == before["markers"] and after["range"] == before["range"]


@each_blender()
def test_one_undo_takes_the_takes_out_and_one_redo_brings_them_back(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    before, _, laid, _, undone, _, again = session(python, blend, "look", GENERATE, "look", "undo", "look", "redo", "look")
    assert len(takes(laid)) == 2
    assert undone == before
    assert again == laid


@each_blender()
def test_takes_change_without_the_daemon_and_sound_changed(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    one, two = studio / "one.wav", studio / "two.wav"
    session(python, blend, GENERATE, "save")
    config = studio / "blender" / "scripts" / "addons" / "foley_bridge_addon" / "foley_bridge.json"
    config.unlink()
    there = {"do": "playhead", "frame": 30}  # which an undo takes back to where it was
    told = session(
        python, blend, "look", {"do": "mixdown", "path": one}, there, act("next_take"), "look",
        {"do": "mixdown", "path": two}, "undo", "look", there, act("previous_take"), "look",
        act("next_take"), act("next_take"), "look",
    )  # fmt: skip
    first, second, undone, last, around = (told[number] for number in (0, 4, 7, 10, 13))
    files = [take["path"] for take in takes(first)[0]["note"]["takes"]]
    assert len(files) == 3
    assert [takes(look)[0]["path"] for look in (first, second, undone, last, around)] == [files[at] for at in (0, 1, 0, 2, 1)]
    assert [takes(look)[1]["path"] for look in (second, last)] == [takes(first)[1]["path"]] * 2
    assert undone == first
    samples = [soundfile.read(path)[0] for path in (one, two)]
    assert np.abs(np.array(heard(one)) - heard(two)).max() < 0.001
    assert np.abs(samples[0] - samples[1]).max() > 0.01


@each_blender()
def test_a_copied_project_uses_its_own_copies_and_a_sound_the_user_put_in_is_his(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    session(python, blend, GENERATE, "save")
    copy = studio / "Kopie" / blend.name
    shutil.copytree(blend.parent, copy.parent)
    own = "strips['door'].sound = bpy.data.sounds.load(bpy.path.abspath(strips['hit.wav'].sound.filepath))"
    there = {"do": "playhead", "frame": 30}
    told = session(
        python, copy, there, act("next_take"), "look", {"do": "change", "code": own}, {"do": "playhead", "frame": 120},
        act("next_take"),
    )  # fmt: skip
    assert str(copy.parent) in takes(told[2])[0]["path"] and " T2_" in takes(told[2])[0]["path"]
    assert told[5]["said"].startswith("no take is selected")


@each_blender()
def test_clear_takes_out_what_lies_in_the_selected_region(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    told = session(
        python, blend, GENERATE, "look", {"do": "select", "names": ["FOLEY kettle like=hit.wav takes=3"]}, act("clear"), "look",
        "undo", "look",
    )  # fmt: skip
    laid, said, cleared, undone = told[1], told[3]["said"], told[4], told[6]
    assert said.startswith("Foley: clear 1 region: 1 clip taken out")
    assert takes(cleared) == takes(laid)[1:]
    assert takes(undone) == takes(laid)


KETTLE = {"do": "select", "names": ["FOLEY kettle like=hit.wav takes=3"]}


@each_blender()
def test_a_locked_strip_stops_what_would_take_it_out(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    lock = {"do": "change", "code": "strips['kettle'].lock = True"}
    told = session(
        python, blend, GENERATE, lock, KETTLE, "look",
        act("clear"), "look", act("generate", which="selected", answers=[False]), "look",
    )  # fmt: skip
    before, clear, cleared, generate, after = told[3:]
    assert "the strip 'kettle' is locked" in clear["said"] and "the strip 'kettle' is locked" in generate["said"], told
    assert cleared == before
    assert takes(after) == takes(before)


@each_blender()
def test_a_users_copy_of_a_take_is_his_and_a_take_that_was_moved_or_cut_is_ours(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    copied = session(
        python, blend, GENERATE, {"do": "duplicate", "name": "kettle", "by": 45}, "look", KETTLE,
        act("clear"), "look", act("clear"), "look", act("generate", which="selected"), act("clear"), "look", "save",
    )  # fmt: skip
    name, before = copied[1], copied[2]
    (copy,) = [strip for strip in before["strips"] if strip["name"] == name]
    assert before["channels"][copy["channel"]][0] == "Foley" and copy["note"] == takes(before)[0]["note"]
    assert copied[4]["said"].startswith("Foley: clear 1 region: 1 clip taken out")
    for look in (copied[5], copied[7], copied[10]):
        left = [strip for strip in look["strips"] if strip["type"] == "SOUND" and strip["name"] not in ("hit.wav", "door")]
        assert left == [{**copy, "note": None}]
    assert copied[8]["said"].startswith("1 region done"), copied[8]

    cut = "strips['door'].split(frame=130, split_method='SOFT')"
    last_first = "sorted((s for s in strips if s.name.startswith('door')), key=lambda s: -s.frame_final_start)"
    move = f"for s in {last_first}: s.frame_start += 7"
    door = {"do": "select", "names": ["END"]}
    for code in (move, cut, f"{cut}\n{move}"):
        told = session(python, blend, {"do": "change", "code": code}, door, "look", act("clear"), "look")
        assert len(takes(told[2])) == (2 if "split" in code else 1)
        assert takes(told[4]) == [], told[3]


@each_blender()
def test_generating_again_replaces_takes_and_leaves_the_other_region_alone(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    told = session(
        python, blend, GENERATE, "look", {"do": "select", "names": ["END"]},
        act("recommend", answers=["glass seed=9"]), "look", act("generate", which="selected"), "look",
    )  # fmt: skip
    first, again = told[1], told[6]
    assert "FOLEY glass seed=9 like=hit.wav engine=recommend" in [name for name, _ in told[4]["markers"]]
    assert takes(again)[0] == takes(first)[0]
    assert len(takes(again)) == 2


@each_blender()
def test_a_closed_blender_finds_its_takes_when_it_is_opened_again(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    session(python, blend, act("generate", which="all", leave=True), "save")
    pending = next((studio / "home" / "work").glob("pending-*.json"))
    kept = json.loads(pending.read_text("utf-8"))
    pending.write_text(json.dumps({**kept, "alive": 0}), "utf-8")  # as it is half a minute later
    ran, look = session(python, blend, act("place_ready"), "look")
    assert ran["said"].startswith("2 regions done"), ran
    assert len(takes(look)) == 2


STOPPED = {
    "channels[6].name = 'Foley'; channels[6].lock = True": "track 'Foley' is locked",
    "channels[6].name = 'Foley'; path = bpy.path.abspath(strips['hit.wav'].sound.filepath)"
    "; strips.new_sound('other.wav', path, 6, 31)": "the clip 'other.wav' at",
    "strips['shot.mov'].filepath = '//gone.mov'": "gone.mov",
    "scene.timeline_markers.clear(); [strips.remove(s) for s in list(strips) if s.type == 'COLOR']": "no region",
    "bpy.context.preferences.edit.use_global_undo = False": "undo is switched off",
    "bpy.context.preferences.edit.use_global_undo = True; bpy.context.preferences.edit.undo_steps = 0": "undo is switched off",
}


@each_blender()
def test_what_cannot_be_done_is_one_message_and_no_change(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    generate = act("generate", which="all", answers=[False])  # not to lay in first what could not be laid before
    steps = [["again", {"do": "change", "code": code}, "look", generate, "look"] for code in STOPPED]
    told = session(python, blend, *itertools.chain.from_iterable(steps))
    for number, (code, said) in enumerate(STOPPED.items()):
        before, ran, after = told[5 * number + 2 : 5 * number + 5]
        assert said in ran["said"], (code, ran)
        assert "raceback" not in ran["said"]
        assert after == before, code


LEFT_OUT = {
    "[setattr(m, 'frame', m.frame + 500) for m in scene.timeline_markers]": "past the end of the timeline",
    "scene.timeline_markers.remove(scene.timeline_markers['END'])": "no length",
    "[setattr(m, 'name', 'FOLEY takes=many') for m in scene.timeline_markers if m.name[0] == 'F']": "'many'",
    "[setattr(m, 'name', 'FOLEY like=none.wav') for m in scene.timeline_markers if m.name[0] == 'F']": "none.wav",
}


@each_blender()
def test_a_region_that_cannot_be_done_is_left_out_by_name(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    steps = [["again", {"do": "change", "code": code}, GENERATE, "look"] for code in LEFT_OUT]
    told = session(python, blend, *itertools.chain.from_iterable(steps))
    for number, (code, said) in enumerate(LEFT_OUT.items()):
        ran, look = told[4 * number + 2 : 4 * number + 4]
        assert ran["said"].startswith("1 region done"), (code, ran)
        assert said in ran["said"].partition("Not done:")[2], (code, ran)
        assert [take["note"]["text"] for take in takes(look)] == ["kettle"]


@each_blender()
def test_cancel_ends_the_run_and_changes_nothing(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    before, ran, after = session(python, blend, "look", act("generate", which="all", cancel=True), "look")
    assert ran["said"].startswith("Cancelled"), ran
    assert after == before
    assert not list(blend.parent.glob("Foley/*/*.wav"))


@each_blender()
def test_no_daemon_is_offered_to_be_started_and_a_no_changes_nothing(python: str, tmp_path: Path) -> None:
    install(tmp_path, "--endpoint", "tcp://127.0.0.1:9")
    blend = reel(python, tmp_path)
    before, ran, after = session(python, blend, "look", act("generate", which="all", answers=[False]), "look")
    assert len(ran["asked"]) == 1 and "Start it?" in ran["asked"][0]
    assert "tcp://127.0.0.1:9" in ran["said"]
    assert after == before


@each_blender()
def test_the_self_test_is_well_and_leaves_nothing(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    before, ran, after = session(python, blend, "look", act("self_test"), "look")
    assert "All is well" in ran["said"], ran
    assert after == before


@each_blender()
def test_check_says_in_plain_words_what_the_doctor_found(python: str, studio: Path) -> None:
    blend = reel(python, studio)
    (ran,) = session(python, blend, act("check"))
    assert ran["said"].startswith(("Everything that is needed is there", "Not ready yet."))
    assert "Python" in ran["said"] or "python" in ran["said"]
