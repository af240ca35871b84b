"""Jobs whose regions get new sound by example: the pack that ships on scenes of the stage, and all that can be wrong with an
example, a region, a pack, the memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile

pytest.importorskip("onnx", reason="packs are made with onnx")
from analogy_packs import make_analogy_pack, small_task
from job_materials import clicks, files_under, marker, save, timeline_of
from processors import Ground, watched

from foley_bridge.engines.analogy import memory
from foley_bridge.engines.analogy.plan import plan
from foley_bridge.errors import Cancelled, EngineError, FoleyError, JobError, PackError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import packs_folder, shipped_folder
from foley_bridge.inference.stopping import stoppable
from foley_bridge.jobs.generate import generate
from foley_bridge.jobs.request import GenerateRequest, Progress, Watcher, unwatched
from foley_bridge.jobs.result import RegionResult
from foley_bridge.media import movie
from foley_bridge.media.broadcast_wav import read_ixml
from foley_bridge.media.sound import ArraySound
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.scene import make_scene
from foley_bridge.stage.sound import sound

FPS = 25
HITS_S = (Fraction(2, 5), Fraction(9, 10), Fraction(7, 5))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wood that is hit, as a picture of 2.4 s; metal that is hit, as a movie with sound and as a sound alone."""
    folder = tmp_path_factory.mktemp("place")
    wood = make_scene(900, material="wood", duration_s=Fraction(12, 5), variation=0.2, events=HITS_S)
    metal = make_scene(950, material="metal", duration_s=2, variation=0.2, events=(Fraction(3, 10), Fraction(11, 10)))
    movie.write_movie(folder / "wood.mp4", draw_frames(wood, fps=Fraction(FPS), size=(160, 90)), Fraction(FPS))
    samples = sound(metal, sample_rate=48000)
    soundfile.write(folder / "metal.wav", samples, 48000)
    frames = draw_frames(metal, fps=Fraction(FPS), size=(160, 90))
    movie.write_movie(folder / "metal.mp4", frames, Fraction(FPS), ArraySound(samples, 48000))
    return folder


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLEY_BRIDGE_THREADS", "1")
    return tmp_path / "home"


def asked(place: Path, out: Path, *regions: str, like: str = "metal.wav", **options: str) -> GenerateRequest:
    """A job over wood.mp4; without regions, over all of it."""
    out.mkdir(parents=True, exist_ok=True)
    options = {"engine": "analogy", "takes": "1", **options}
    return GenerateRequest(
        place / "wood.mp4", out / "foley.otio", out / "takes", exemplar=place / like, options=options, regions=regions
    )


def made(place: Path, out: Path, *regions: str, watcher: Watcher = unwatched, **more: str) -> RegionResult:
    (region, *_) = generate(asked(place, out, *regions, **more), watcher).regions
    return region


def hashes(region: RegionResult) -> list[str]:
    """Of the files: of all that they say, too."""
    return [hashlib.sha256(take.path.read_bytes()).hexdigest() for take in region.takes]


def sounds(region: RegionResult) -> list[bytes]:
    """Of the samples alone, which may be the same in files that say something else."""
    return [soundfile.read(take.path)[0].tobytes() for take in region.takes]


# --- takes ---


def test_takes_are_new_sound_with_what_made_it_and_how_well_it_fits(place: Path, tmp_path: Path) -> None:
    region = made(place, tmp_path, takes="3")
    assert region.engine == "analogy" and len(region.takes) == 3
    scores = [take.score for take in region.takes]
    assert scores == sorted(scores, reverse=True) and 0.5 < scores[0] <= 1
    for number, take in enumerate(region.takes, start=1):
        assert take.source["pack"] == "mini@3" and take.source["take"] == f"{number} of seed 0"
        assert take.source["candidates"] == "8" and take.source["file"] == "metal.wav"
        assert "<isGenerated>true<" in (read_ixml(take.path) or "")
        assert soundfile.info(take.path).frames == 48000 * 12 // 5 and soundfile.info(take.path).channels == 1
    near = [min(abs(onset - float(hit)) for hit in HITS_S) for onset in region.takes[0].onsets_s]
    assert near and np.median(near) < 0.06


def test_the_same_take_has_the_same_bytes_however_many_are_made(place: Path, tmp_path: Path) -> None:
    """Five takes are of two pools."""
    five = made(place, tmp_path / "five", takes="5")
    assert len(set(sounds(five))) == 5
    assert hashes(made(place, tmp_path / "one", takes="1")) == hashes(five)[:1]
    assert hashes(made(place, tmp_path / "three", takes="3")) == hashes(five)[:3]
    assert sounds(made(place, tmp_path / "seed", takes="1", seed="1"))[0] not in sounds(five)


def test_further_takes_of_a_reel_are_those_that_the_job_would_have_made(place: Path, tmp_path: Path, at_home: Path) -> None:
    """Also where the daemon does it, in workers of its own."""
    five = hashes(made(place, tmp_path / "five", takes="5"))
    for name in ("wood.mp4", "metal.wav"):
        (tmp_path / "ground").mkdir(exist_ok=True)
        (tmp_path / "ground" / name).write_bytes((place / name).read_bytes())
    ground = Ground(tmp_path / "ground")
    options = {"engine": "analogy", "takes": "2"}
    params = {
        "kind": "generate",
        "timeline": {"path": str(place / "wood.mp4")},
        "out": str(ground.folder / "foley.otio"),
        "media_dir": str(ground.folder / "takes"),
        "exemplar": str(place / "metal.wav"),
        "options": options,
    }
    with watched(at_home) as one:
        (view,) = one.ended(one.processor.submit(params).record.id)
        assert view.record.state == "done", view.record.error
        assert view.record.result is not None
        assert [take["sha256"] for take in view.record.result["regions"][0]["takes"]] == five[:2]
        retake = {"kind": "retake", "job": view.record.id, "region": 1, "more": True, "options": {"takes": "3"}}
        (more,) = one.ended(one.processor.submit(retake).record.id)
        assert more.record.state == "done", more.record.error
        assert more.record.result is not None
        assert more.record.result["regions"][0]["engine"] == "analogy"
        assert [take["sha256"] for take in more.record.result["regions"][0]["takes"]] == five[2:]


@pytest.mark.parametrize("seconds", ["0.4-0.64", "0.2-1.2", "0.0-2.4"])
def test_any_length_at_any_place(place: Path, tmp_path: Path, seconds: str) -> None:
    region = made(place, tmp_path, f"{seconds} hit handles=0.1 tail=0.2")
    first, last = map(float, seconds.split("-"))
    covered = round((min(last + 0.2, 99) - first + 0.2) * 48000)
    (take,) = region.takes
    assert abs(soundfile.info(take.path).frames - covered) <= 2 * 48000 / FPS
    samples, _ = soundfile.read(take.path)
    assert np.abs(samples).max() > 1e-4


def test_offset_makes_all_sound_later(place: Path, tmp_path: Path) -> None:
    """As if the picture began later: away from its ends the same codes are drawn for what is seen 0.2 s earlier."""
    (take,) = made(place, tmp_path, offset="200ms").takes
    late = [min(abs(onset - float(hit) - 0.2) for hit in HITS_S) for onset in take.onsets_s]
    early = [min(abs(onset - float(hit)) for hit in HITS_S) for onset in take.onsets_s]
    assert late and np.median(late) < 0.06 < np.median(early)


@pytest.mark.parametrize("offset", ["-5s", "5s"])
def test_an_offset_that_leads_out_of_the_timeline_shows_what_is_at_its_end_and_is_told_of(
    place: Path, tmp_path: Path, offset: str
) -> None:
    region = made(place, tmp_path, "0.4-0.8", offset=offset)
    assert len(region.takes) == 1 and any("nothing is on screen" in note for note in region.notes)


def test_a_region_that_looks_elsewhere_is_told_of_what_is_there(place: Path, tmp_path: Path) -> None:
    """Two seconds earlier, that is; nobody looks at what is under it."""
    region = made(place, tmp_path, "2.0-2.4", offset="2s")
    assert not any("nothing is on screen" in note for note in region.notes)


def test_what_an_editor_tapped_decides_which_candidates_are_taken(place: Path, tmp_path: Path) -> None:
    """HIT markers where nothing is seen: what agrees with them is taken, and said to."""
    length = round(float(Fraction(12, 5)) * FPS)
    marks = [marker(f'FOLEY hit like="{place / "metal.wav"}" engine=analogy takes=1', 0, length, FPS)]
    taps = [marker("HIT", at, 1, FPS) for at in (5, 30, 50)]
    regions = []
    for number, marked in enumerate((marks, marks + taps)):
        out = tmp_path / str(number)
        out.mkdir()
        cut = save(timeline_of(place / "wood.mp4", length, FPS, *marked), out / "cut.otio")
        (region,) = generate(GenerateRequest(cut, out / "foley.otio", out / "takes")).regions
        regions.append(region)
    assert [region.tapped for region in regions] == [False, True]
    assert sounds(regions[0]) != sounds(regions[1]), "of the same eight another one"


# --- which engine ---


def test_who_names_an_example_alone_gets_new_sound_from_a_pack_of_his_own_and_not_from_the_one_that_ships(
    place: Path, tmp_path: Path, at_home: Path
) -> None:
    request = asked(place, tmp_path / "before")
    request = replace(request, options={"takes": "1"})
    assert generate(request).regions[0].engine == "transfer"
    installed = Installed(at_home)
    installed.add(make_analogy_pack(tmp_path / "sounding"))
    request = replace(asked(place, tmp_path / "after", "0.4-0.6"), options={"takes": "1"})
    (region,) = generate(request).regions
    assert region.engine == "analogy" and region.takes[0].source["pack"] == "sounding@1"
    assert not any("drawn scenes" in note for note in region.notes)


def test_another_pack_is_another_file(place: Path, tmp_path: Path, at_home: Path) -> None:
    one = made(place, tmp_path, "0.4-0.6")
    Installed(at_home).add(make_analogy_pack(tmp_path / "sounding"))
    other = made(place, tmp_path, "0.4-0.6")
    assert one.takes[0].path != other.takes[0].path and one.takes[0].path.is_file()


def test_who_wants_what_the_pack_cannot_choose_by_is_told(place: Path, tmp_path: Path, at_home: Path) -> None:
    Installed(at_home).add(make_analogy_pack(tmp_path / "pack", without=("sync",)))
    notes = made(place, tmp_path / "out", "0.4-0.5", choose="sync").notes
    assert "sounding@1 has no synchronisation network: takes were chosen by their onsets" in notes


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
@pytest.mark.parametrize("statistics", ["frozen", "call"])
def test_packs_of_every_kind_serve(place: Path, tmp_path: Path, at_home: Path, condition: str, statistics: str) -> None:
    task = replace(small_task(condition, leave_out=("sync", "onset", "vocoder")), statistics=statistics)
    Installed(at_home).add(make_analogy_pack(tmp_path / "pack", task=task, without=("sync", "onset", "vocoder")))
    region = made(place, tmp_path / "out", "0.4-0.52", like="metal.mp4", takes="2")
    assert len(set(sounds(region))) == 2


# --- examples ---


def test_an_example_s_picture_has_a_say_and_one_without_is_told_of(place: Path, tmp_path: Path) -> None:
    samples, _ = soundfile.read(place / "metal.wav", dtype="float32", always_2d=True)
    black = (np.zeros((90, 160, 3), np.uint8) for _ in range(2 * FPS))
    movie.write_movie(tmp_path / "black.mp4", black, Fraction(FPS), ArraySound(samples, 48000))
    heard = made(place, tmp_path / "heard", like="metal.wav")
    seen = made(place, tmp_path / "seen", like="metal.mp4")
    other = made(place, tmp_path / "other", like=str(tmp_path / "black.mp4"))
    assert any("metal.wav has no picture" in note for note in heard.notes)
    assert not any("no picture" in note for region in (seen, other) for note in region.notes)
    assert sounds(seen) != sounds(other), "of the same sound"


def write(path: Path, samples: np.ndarray, rate: int = 48000) -> Path:
    soundfile.write(path, samples, rate)
    return path


def test_short_narrow_and_crossed_examples_are_used_and_told_of(place: Path, tmp_path: Path) -> None:
    clicks(tmp_path / "short.wav", length_s=0.3)
    clicks(tmp_path / "narrow.wav", rate=8000, times_s=(0.1, 0.7), length_s=2.5)
    samples, rate = soundfile.read(place / "metal.wav", always_2d=True)
    write(tmp_path / "crossed.wav", np.concatenate([samples, -samples], axis=1), rate)
    (tmp_path / "wood.mp4").write_bytes((place / "wood.mp4").read_bytes())
    said = {name: made(tmp_path, tmp_path / name, like=f"{name}.wav").notes for name in ("short", "narrow", "crossed")}
    assert any("0.30 s long" in note and "silence follows" in note for note in said["short"])
    assert any("8000 samples a second" in note for note in said["narrow"])
    taken, _ = soundfile.read(next((tmp_path / "crossed" / "takes").iterdir()))
    assert np.abs(taken).max() > 1e-3, "channels that cancel each other are not added up"


def test_of_a_long_example_the_stretch_with_most_in_it_is_used_and_told_of(place: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(place / "metal.wav", dtype="float32")
    quiet = np.zeros(4 * rate, np.float32)
    write(tmp_path / "long.wav", np.concatenate([quiet, 0.01 * samples, quiet, samples, quiet]), rate)
    (tmp_path / "wood.mp4").write_bytes((place / "wood.mp4").read_bytes())
    region = made(tmp_path, tmp_path / "out", like="long.wav")
    (note,) = [note for note in region.notes if "are the example" in note]
    begins = float(note.split(" s from ")[1].split(" s on")[0])
    assert begins == pytest.approx(4 + len(samples) / rate + 4 + 0.2, abs=0.12)


def test_a_silent_example_is_refused_by_its_name(place: Path, tmp_path: Path) -> None:
    write(tmp_path / "silent.wav", np.zeros(48000))
    (tmp_path / "wood.mp4").write_bytes((place / "wood.mp4").read_bytes())
    with pytest.raises(EngineError, match=r"silent\.wav"):
        made(tmp_path, tmp_path / "out", like="silent.wav")
    assert files_under(tmp_path / "out") == []


# --- what cannot be ---


def refused(request: GenerateRequest) -> FoleyError:
    with pytest.raises(FoleyError) as told:
        generate(request)
    assert told.value.hint and "region" in told.value.message
    return told.value


def test_without_an_example_it_says_what_to_give(place: Path, tmp_path: Path) -> None:
    error = refused(replace(asked(place, tmp_path), exemplar=None))
    assert isinstance(error, JobError) and "engine 'analogy' needs an example" in error.message and "like=" in error.hint


def test_a_damaged_pack_is_named_and_other_regions_are_done(place: Path, tmp_path: Path, at_home: Path) -> None:
    Installed(at_home).add(make_analogy_pack(tmp_path / "sounding"))
    next(packs_folder(at_home).glob("*/analogy-mel.onnx")).unlink()
    error = refused(asked(place, tmp_path / "all"))
    assert isinstance(error, PackError) and "analogy-mel.onnx" in error.message
    regions = ("0.0-0.5 hit", "0.6-1.2 hit engine=transfer")
    failed, done = generate(asked(place, tmp_path / "two", *regions)).regions
    assert failed.error is not None and "analogy-mel.onnx" in failed.error.message
    assert done.error is None and done.engine == "transfer" and len(done.takes) == 1


def test_a_region_whose_picture_is_missing_is_refused_by_its_name(place: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("out").mkdir()
    timeline = timeline_of(tmp_path / "gone.mp4", 50, FPS, marker("FOLEY hit engine=analogy", 0, 40, FPS))
    cut = save(timeline, tmp_path / "cut.otio")
    error = refused(GenerateRequest(cut, tmp_path / "out" / "f.otio", tmp_path / "out" / "t", exemplar=place / "metal.wav"))
    assert "gone.mp4" in error.message and "relink" in error.hint


def test_a_region_with_nothing_on_screen_is_done_and_told_of(place: Path, tmp_path: Path) -> None:
    timeline = otio.schema.Timeline("cut")
    timeline.tracks.append(otio.schema.Track("V1", kind="Video"))
    timeline.tracks[0].append(otio.schema.Gap(duration=otio.opentime.RationalTime(50, FPS)))
    clip = timeline_of(place / "wood.mp4", 10, FPS).tracks[0][0].clone()
    timeline.tracks[0].append(clip)
    timeline.tracks.markers.append(marker("FOLEY hit engine=analogy takes=1", 0, 40, FPS))
    cut = save(timeline, tmp_path / "cut.otio")
    (region,) = generate(GenerateRequest(cut, tmp_path / "f.otio", tmp_path / "t", exemplar=place / "metal.wav")).regions
    assert len(region.takes) == 1 and any("nothing is on screen" in note for note in region.notes)


def test_what_does_not_fit_into_memory_is_refused_before_it_begins_and_told_what_would(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analogy = Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")
    windows = plan(analogy.task, Fraction(0), Fraction(12, 5))
    needed = {count: memory.needed_bytes(analogy, windows, candidates=count, pools=1) for count in (1, 8, 100)}
    assert needed[1] < needed[8] < needed[100]
    steps: list[str] = []
    monkeypatch.setattr(memory, "free_bytes", lambda: (needed[8] + needed[100]) // 2)  # a machine with so much
    with pytest.raises(EngineError) as told:
        generate(asked(place, tmp_path, candidates="100"), lambda progress: steps.append(progress.step))
    assert "GB" in told.value.message and told.value.hint == "candidates=8 would fit"
    assert "making sound" not in steps and "looking at the picture" not in steps


def test_free_memory_is_what_the_machine_says() -> None:
    assert 0 < memory.free_bytes() < 1 << 50


@pytest.mark.parametrize(("kind", "line"), [("", "0::/farm/seat"), ("memory", "4:cpu,memory:/farm/seat")])
def test_free_memory_is_what_the_groups_leave_that_a_process_is_held_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, line: str
) -> None:
    """Files that a group has read count as held, and give way when somebody wants the memory."""
    (tmp_path / "own").write_text(f"1:name=systemd:/farm\n{line}\n")
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    limit, used, files = memory._SAYS[kind]
    for group, most in (("farm", "50000000"), ("farm/seat", "max" if not kind else str(1 << 62))):
        folder = tmp_path / kind / group
        folder.mkdir(parents=True)
        (folder / limit).write_text(f"{most}\n")
        (folder / used).write_text("45000000\n")
        (folder / "memory.stat").write_text(f"cache 1\n{files} 40000000\n")
    assert memory.free_bytes() == 45_000_000


# --- stopping ---


def test_it_is_stopped_while_it_makes_sound_and_nothing_is_left(place: Path, tmp_path: Path) -> None:
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.step == "making sound" and progress.fraction > 0.3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        made(place, tmp_path / "out", watcher=stop)
    shares = [progress.fraction for progress in told if progress.step == "making sound"]
    assert shares == sorted(shares) and len({*shares}) > 10, "told of each code"
    assert files_under(tmp_path / "out") == []


def test_the_first_second_can_be_heard_before_the_last_is_made(place: Path, tmp_path: Path) -> None:
    """A WAV of the whole length grows: it is the take's own sound from the beginning on."""
    told: list[Progress] = []
    grown: list[tuple[float, int]] = []

    def hear(progress: Progress) -> None:
        told.append(progress)
        if progress.step == "making sound" and progress.early is not None:
            grown.append((progress.fraction, Path(progress.early).stat().st_size))
            (tmp_path / "heard.wav").write_bytes(Path(progress.early).read_bytes())

    out = tmp_path / "out"
    out.mkdir()
    timeline = timeline_of(place / "wood.mp4", 60, FPS)
    slow = timeline.tracks[0][0]  # at a fifth of its speed: 12 s
    slow.source_range = otio.opentime.TimeRange(slow.source_range.start_time, otio.opentime.RationalTime(300, FPS))
    slow.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.2))
    timeline.tracks.markers.append(marker("FOLEY hit engine=analogy takes=1 candidates=1", 0, 300, FPS))
    cut = save(timeline, tmp_path / "cut.otio")
    request = GenerateRequest(cut, out / "f.otio", out / "takes", exemplar=place / "metal.wav")
    (region,) = generate(request, hear).regions
    size = grown[-1][1]
    assert grown[0][1] > 44, "nobody is sent to an empty file"
    assert grown[0][0] < 0.9 and size > 44 + 22050 * 2, "there is more than a second of it"
    early, rate = soundfile.read(tmp_path / "heard.wav", frames=22050)
    take, _ = soundfile.read(region.takes[0].path)
    assert rate == 22050 and np.abs(early).max() > 0
    level = np.sqrt((early**2).mean()), np.sqrt((take[:48000] ** 2).mean())
    assert level[0] == pytest.approx(level[1], rel=0.1)
    assert not Path(told[-1].early or "none").exists() and not list(out.glob(".foley*"))


@pytest.fixture
def busy() -> Iterator[Analogy]:
    """Its picture network is shown more than it can see in a moment."""
    yield Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")


def test_a_graph_that_runs_long_is_stopped_inside_and_runs_again(busy: Analogy) -> None:
    pictures, left_out = np.zeros((1, 3, 3000, 56, 56), np.float32), busy.session("picture").left_out
    asked_at: list[threading.Thread] = []

    def alive() -> None:
        asked_at.append(threading.current_thread())
        raise Cancelled("stopped")

    with pytest.raises(Cancelled), stoppable(alive):
        busy.features(pictures)
    assert asked_at and asked_at[0] is not threading.current_thread()
    session = busy.session("picture")
    assert session.left_out == left_out and session.providers == ("CPUExecutionProvider",)
    assert busy.features(pictures[:, :, :30]).shape == (1, 30, busy.task.features)


def test_after_a_stop_no_further_graph_begins(busy: Analogy) -> None:
    stopped = threading.Event()

    def alive() -> None:
        stopped.set()
        raise Cancelled("stopped")

    def run() -> Any:
        with stoppable(alive):
            assert stopped.wait(10)
            while True:
                busy.features(np.zeros((1, 3, 30, 56, 56), np.float32))

    with pytest.raises(Cancelled):
        run()
