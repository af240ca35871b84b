"""Bad input: one clear error that names the thing, exit status 2, nothing left behind. Through the real command line."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from job_materials import clicks, files_under, generate, generate_in_process, marker, movie, run, save, span, timeline_of


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture and an example, both good."""
    folder = tmp_path_factory.mktemp("ground")
    movie(folder / "shot.mp4")
    clicks(folder / "hit.wav")
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def refused(work: Path, timeline: Path, *args: object, named: tuple[str, ...], exemplar: Path | None = None) -> str:
    """Runs generate with all its outputs, and checks the refusal. Returns the message."""
    before = files_under(work)
    outputs = ("--preview", work / "out" / "preview.mp4", "--report", work / "out" / "report.html")
    like = ("--exemplar", exemplar) if exemplar else ()
    done = generate(work, timeline, *outputs, *like, *args)
    assert done.status == 2, done
    assert set(done.json) == {"error"}
    error = done.json["error"]
    assert set(error) == {"kind", "message", "hint"}
    assert "Traceback" not in done.err
    for part in named:
        assert part in error["message"] + " " + error["hint"], error
    assert files_under(work) == before
    return error["message"]


def marked(work: Path, ground: Path, *markers: otio.schema.Marker, media: Path | None = None) -> Path:
    return save(timeline_of(media or ground / "shot.mp4", 50, 25, *markers), work / "cut.otio")


# --- timelines


def test_a_file_that_is_not_otio_is_named(work: Path, ground: Path) -> None:
    path = work / "cut.otio"
    path.write_text("this is a shopping list")
    refused(work, path, named=("cut.otio", "not OpenTimelineIO"), exemplar=ground / "hit.wav")


def test_json_that_is_not_otio_is_named(work: Path, ground: Path) -> None:
    path = work / "cut.otio"
    path.write_text('{"milk": 2}')
    refused(work, path, named=("cut.otio", "OTIO_SCHEMA"), exemplar=ground / "hit.wav")


def test_otio_nested_50000_deep_is_refused_and_does_not_kill_the_process(work: Path, ground: Path) -> None:
    path = work / "cut.otio"
    stack = '{"OTIO_SCHEMA":"Stack.1","name":"s","children":['
    path.write_text('{"OTIO_SCHEMA":"Timeline.1","name":"t","tracks":' + stack * 50000 + "]}" * 50000 + "}")
    refused(work, path, named=("cut.otio", "nested"), exemplar=ground / "hit.wav")


def test_tracks_null_is_refused_and_does_not_kill_the_process(work: Path, ground: Path) -> None:
    path = work / "cut.otio"
    path.write_text('{"OTIO_SCHEMA":"Timeline.1","name":"t","tracks":null}')
    refused(work, path, named=("cut.otio", "tracks", "null"), exemplar=ground / "hit.wav")


def test_a_missing_timeline_is_named(work: Path, ground: Path) -> None:
    refused(work, work / "nowhere.otio", named=("nowhere.otio",), exemplar=ground / "hit.wav")


def test_a_folder_as_timeline_is_named(work: Path, ground: Path) -> None:
    refused(work, work, named=(str(work),), exemplar=ground / "hit.wav")


def test_a_timeline_without_regions_is_named(work: Path, ground: Path) -> None:
    refused(work, marked(work, ground, marker("a note", 0, 5, 25)), named=("cut.otio", "FOLEY"), exemplar=ground / "hit.wav")


# --- regions


@pytest.mark.parametrize(
    ("start", "duration", "said"),
    [(10, 0, "no length"), (10, -5, "no length"), (40, 20, "past the end"), (60, 5, "past the end")],
)
def test_a_region_without_length_or_past_the_end_is_named(
    work: Path, ground: Path, start: float, duration: float, said: str
) -> None:
    timeline = marked(work, ground, marker("FOLEY kettle", start, duration, 25))
    refused(work, timeline, named=("kettle", said), exemplar=ground / "hit.wav")


@pytest.mark.parametrize("text", ["1-0.5 kettle", "1-1 kettle", "1-9 kettle", "5-6 kettle"])
def test_a_region_on_the_command_line_without_length_or_past_the_end_is_named(work: Path, ground: Path, text: str) -> None:
    refused(work, ground / "shot.mp4", "--region", text, named=("kettle",), exemplar=ground / "hit.wav")


def test_a_region_text_that_is_no_range_is_quoted(work: Path, ground: Path) -> None:
    refused(work, ground / "shot.mp4", "--region", "kettle", named=("kettle", "START-END"), exemplar=ground / "hit.wav")


def test_both_overlapping_regions_are_named(work: Path, ground: Path) -> None:
    timeline = marked(work, ground, marker("FOLEY kettle", 0, 20, 25), marker("FOLEY drum", 10, 20, 25))
    done = generate(work, timeline, "--exemplar", ground / "hit.wav")
    assert done.status == 1, done
    kettle, drum = done.json["regions"]
    assert kettle["error"] is None and kettle["takes"]
    assert drum["takes"] == [] and drum["error"]["kind"] == "TimelineError"
    for part in ("kettle", "drum", "overlaps"):
        assert part in drum["error"]["message"]


def test_an_unknown_option_in_a_region_is_named_with_the_nearest_known(work: Path, ground: Path) -> None:
    timeline = marked(work, ground, marker("FOLEY kettle sensitivty=1", 0, 20, 25))
    refused(work, timeline, named=("kettle", "sensitivty", "sensitivity="), exemplar=ground / "hit.wav")


# --- picture


def test_missing_media_in_a_region_is_named_with_the_region(work: Path, ground: Path) -> None:
    timeline = marked(work, ground, marker("FOLEY kettle", 0, 20, 25), media=work / "lost.mp4")
    refused(work, timeline, named=("kettle", "lost.mp4", "missing"), exemplar=ground / "hit.wav")


@pytest.mark.parametrize("options", [{}, {"movflags": "+faststart"}], ids=["index at the end", "index at the start"])
def test_a_movie_cut_in_half_is_named(work: Path, ground: Path, options: dict[str, str]) -> None:
    whole = movie(work / "whole.mp4", seconds=4, container_options=options, options={"crf": "1"}).read_bytes()
    (work / "whole.mp4").unlink()
    (work / "half.mp4").write_bytes(whole[: len(whole) // 2])
    timeline = save(timeline_of(work / "half.mp4", 100, 25, marker("FOLEY kettle", 60, 40, 25)), work / "cut.otio")
    refused(work, timeline, named=("kettle", "half.mp4"), exemplar=ground / "hit.wav")
    refused(work, work / "half.mp4", named=("half.mp4",), exemplar=ground / "hit.wav")


def test_a_text_file_named_mp4_is_named(work: Path, ground: Path) -> None:
    (work / "notes.mp4").write_text("buy milk\n" * 100)
    refused(work, work / "notes.mp4", named=("notes.mp4",), exemplar=ground / "hit.wav")
    timeline = marked(work, ground, marker("FOLEY kettle", 0, 20, 25), media=work / "notes.mp4")
    refused(work, timeline, named=("notes.mp4", "kettle"), exemplar=ground / "hit.wav")


def test_an_empty_file_named_mp4_is_named(work: Path, ground: Path) -> None:
    (work / "empty.mp4").touch()
    refused(work, work / "empty.mp4", named=("empty.mp4",), exemplar=ground / "hit.wav")


def test_a_sound_file_as_picture_is_named(work: Path, ground: Path) -> None:
    refused(work, ground / "hit.wav", named=("hit.wav", "no picture"), exemplar=ground / "hit.wav")


# --- exemplars


def test_no_exemplar_at_all_says_what_to_give(work: Path, ground: Path) -> None:
    refused(work, marked(work, ground, marker("FOLEY kettle", 0, 20, 25)), named=("kettle", "like=", "--exemplar"))


def test_a_missing_exemplar_is_named(work: Path, ground: Path) -> None:
    refused(work, ground / "shot.mp4", named=("nowhere.wav",), exemplar=work / "nowhere.wav")


def test_a_missing_like_is_named_with_its_region(work: Path, ground: Path) -> None:
    timeline = marked(work, ground, marker("FOLEY kettle like=nowhere.wav", 0, 20, 25))
    refused(work, timeline, named=("kettle", "like=nowhere.wav"))


def test_an_exemplar_without_sound_is_named(work: Path, ground: Path) -> None:
    refused(work, ground / "shot.mp4", named=("shot.mp4", "sound"), exemplar=ground / "shot.mp4")


def test_a_silent_exemplar_is_named(work: Path, ground: Path) -> None:
    soundfile.write(work / "silent.wav", np.zeros(48000), 48000)
    refused(work, ground / "shot.mp4", named=("silent.wav", "silent"), exemplar=work / "silent.wav")


def test_an_empty_exemplar_is_named(work: Path, ground: Path) -> None:
    soundfile.write(work / "empty.wav", np.zeros(0), 48000)
    refused(work, ground / "shot.mp4", named=("empty.wav",), exemplar=work / "empty.wav")


def test_an_exemplar_of_not_a_number_is_named(work: Path, ground: Path) -> None:
    soundfile.write(work / "nan.wav", np.full(48000, np.nan, np.float32), 48000, subtype="FLOAT")
    refused(work, ground / "shot.mp4", named=("nan.wav",), exemplar=work / "nan.wav")


def test_a_text_file_as_exemplar_is_named(work: Path, ground: Path) -> None:
    (work / "notes.wav").write_text("buy milk\n" * 100)
    refused(work, ground / "shot.mp4", named=("notes.wav",), exemplar=work / "notes.wav")


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48000, 6), (96000, 2), (44100, 1)])
def test_an_exemplar_of_any_rate_and_layout_works(work: Path, ground: Path, rate: int, channels: int) -> None:
    example = clicks(work / "example.wav", rate=rate, channels=channels)
    done = generate(work, ground / "shot.mp4", "--exemplar", example, "--takes", 1)
    assert done.status == 0, done
    take = done.json["regions"][0]["takes"][0]
    sound, out_rate = soundfile.read(take["path"])
    assert out_rate == 48000
    assert len(sound) == 2 * 48000
    assert np.abs(sound).max() > 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak of memory")
def test_an_exemplar_of_three_hours_is_used_as_far_as_it_is_told(work: Path, ground: Path) -> None:
    """In a process of its own, so that its memory can be measured: under 1.5 GB, however long the file is."""
    path = work / "long.wav"
    clicks(path, rate=8000, times_s=(0.1, 0.9), length_s=1.5)
    data = bytearray(path.read_bytes())
    frames = 3 * 3600 * 8000
    at = data.index(b"data")
    header = data[:at] + b"data" + (frames * 3).to_bytes(4, "little") + data[at + 8 :]
    header[4:8] = (frames * 3 + at).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(at + 8 + frames * 3)
    done = generate_in_process(
        after="sys.path.insert(0, 'tests'); from memory_peak import peak_kb; print(peak_kb(), file=sys.stderr)",
        timeline=ground / "shot.mp4",
        out=work / "o.otio",
        media_dir=work / "m",
        exemplar=path,
        options={"takes": "1"},
    )
    assert done.status == 0, done
    assert "first 10 minutes of long.wav" in " ".join(done.json["regions"][0]["notes"])
    assert int(done.err.split()[-1]) < 1500 * 1024


# --- places to write


def test_an_unwritable_folder_is_named_for_each_output(work: Path, ground: Path) -> None:
    (work / "file").write_text("a file where a folder is needed")
    good = {"--out": work / "o.otio", "--media-dir": work / "m", "--preview": work / "p.mp4", "--report": work / "r.html"}
    for option, name in (("--out", "x.otio"), ("--media-dir", "x"), ("--preview", "x.mp4"), ("--report", "x.html")):
        for bad in (work / "file" / "sub" / name, Path("/proc/nowhere") / name):
            places = [part for pair in {**good, option: bad}.items() for part in pair]
            before = files_under(work)
            done = run("generate", ground / "shot.mp4", "--exemplar", ground / "hit.wav", "--json", *places)
            assert done.status == 2, (option, done)
            assert str(bad if option == "--media-dir" else bad.parent) in done.json["error"]["message"]
            assert files_under(work) == before


def test_a_folder_in_the_place_of_a_file_is_named_and_the_takes_go_again(work: Path, ground: Path) -> None:
    for option, name in (("--out", "x.otio"), ("--preview", "x.mp4"), ("--report", "x.html")):
        (work / name).mkdir()
        good = {"--out": work / "o.otio", "--media-dir": work / "m", "--exemplar": ground / "hit.wav", "--takes": 1}
        before = files_under(work)
        places = [part for pair in {**good, option: work / name}.items() for part in pair]
        done = run("generate", ground / "shot.mp4", "--json", *places)
        assert done.status == 2, (option, done)
        assert name in done.json["error"]["message"]
        assert files_under(work) == before


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size are POSIX")
@pytest.mark.parametrize("blocks", [1, 60, 200])
def test_when_the_disk_is_full_nothing_is_left(work: Path, ground: Path, blocks: int) -> None:
    """A limit on the size of files stands for a full disk: 1 block stops everything, 60 the takes, 200 what comes later."""
    before = files_under(work)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({blocks} * 1024, {blocks} * 1024))"
    out = work / "out"
    places = {"out": out / "o.otio", "media_dir": out / "m", "report": out / "r.html", "preview": out / "p.mp4"}
    sounds = {"exemplar": ground / "hit.wav", "sample_rate": 32000, "options": {"takes": "2"}}
    done = generate_in_process(limit, timeline=ground / "shot.mp4", **places, **sounds)
    assert done.status == 2, done
    assert str(work) in done.json["error"]["message"]
    assert "Traceback" not in done.err
    assert files_under(work) == before


def test_outputs_never_overwrite_inputs_or_each_other(work: Path, ground: Path) -> None:
    shot, example = movie(work / "shot.mp4"), clicks(work / "hit.wav")
    timeline = save(timeline_of(shot, 50, 25, marker("FOLEY kettle", 0, 25, 25)), work / "cut.otio")
    good = {"--out": work / "o.otio", "--media-dir": work / "m", "--exemplar": example, "--takes": 1}
    cases = (
        {"--out": timeline},
        {"--preview": shot},
        {"--report": example},
        {"--preview": work / "same", "--report": work / "same"},
        {"--report": work / "o.otio"},
    )
    contents = {path: path.read_bytes() for path in (shot, example, timeline)}
    for case in cases:
        places = [part for pair in {**good, **case}.items() for part in pair]
        done = run("generate", timeline, "--json", *places)
        assert done.status == 2, (case, done)
        assert "overwrite" in done.json["error"]["message"]
    assert {path: path.read_bytes() for path in (shot, example, timeline)} == contents
    assert files_under(work) == sorted(["shot.mp4", "hit.wav", "cut.otio"])


@pytest.mark.parametrize("name", ["result.mp4", "result", "result.txt", "result.edl"])
def test_a_result_of_an_unknown_or_soundless_kind_is_refused_at_once(work: Path, ground: Path, name: str) -> None:
    args = ("--out", work / name, "--media-dir", work / "m", "--exemplar", ground / "hit.wav", "--json")
    done = run("generate", ground / "shot.mp4", *args)
    assert done.status == 2, done
    assert name in done.json["error"]["message"]
    assert files_under(work) == []


def test_a_failed_job_puts_back_what_it_replaced(work: Path, ground: Path) -> None:
    """The preview and the takes of an earlier run survive a later run that fails on its last output."""
    out = work / "out"
    args = ("--exemplar", ground / "hit.wav", "--takes", 1, "--preview", out / "p.mp4")
    assert generate(work, ground / "shot.mp4", *args).status == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "r.html").mkdir()
    again = generate(work, ground / "shot.mp4", *args, "--report", out / "r.html", "--level", -40)
    assert again.status == 2
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


# --- the command line itself


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--engine", "magic"), ("engine", "magic")),
        (("--engine", "classes"), ("classes", "not in this version")),
        (("--engine", "recommend"), ("recommend", "sound library")),
        (("--takes", "0"), ("takes", "0")),
        (("--takes", "two"), ("--takes", "integer")),
        (("--seed", "-1"), ("seed",)),
        (("--sensitivity", "2"), ("sensitivity", "2")),
        (("--level", "5"), ("level", "5")),
        (("--offset", "soon"), ("offset", "soon")),
        (("--handles", "-1"), ("handles", "-1")),
        (("--sample-rate", "1"), ("sample_rate", "8000")),
        (("--no-such-option", "1"), ("--no-such-option",)),
        (("--for", "premiere"), ("'--for'", "'premiere' is not one of 'resolve'")),
        (("--region", "0-1 kettle hits=markers"), ("kettle", "HIT")),
    ],
)
def test_a_bad_option_is_named(work: Path, ground: Path, args: tuple[str, ...], named: tuple[str, ...]) -> None:
    refused(work, ground / "shot.mp4", *args, named=named, exemplar=ground / "hit.wav")


def test_an_unknown_command_and_a_missing_argument_are_one_json_object_too() -> None:
    for args in (("spott", "--json"), ("install-host", "--json"), ("generate", "--json"), ("demo", "--json", "--sed", "1")):
        done = run(*args)
        assert done.status == 2
        assert done.json["error"]["kind"] == "UsageError" and "\n" not in done.json["error"]["message"]


def test_a_choice_that_is_none_is_named_with_the_choices() -> None:
    said = run("install-host", "fusion", "--json").json["error"]["message"]
    assert said == "Invalid value for 'HOST': 'fusion' is not one of 'reaper', 'resolve', 'blender', 'ardour'."


def test_without_json_an_error_is_text_on_stderr_and_stdout_stays_empty(work: Path, ground: Path) -> None:
    done = run("generate", work / "nowhere.otio", "--out", work / "o.otio", "--media-dir", work / "m")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("foley-bridge: ") and "nowhere.otio" in done.err


def test_the_demo_in_an_unwritable_place_is_refused(work: Path) -> None:
    (work / "file").write_text("")
    done = run("demo", "--out", work / "file" / "demo", "--json")
    assert done.status == 2
    assert "file" in done.json["error"]["message"]
    assert files_under(work) == ["file"]


def test_missing_and_unreadable_media_outside_the_region_do_not_stop_the_job(work: Path, ground: Path) -> None:
    """Neither as the second of context beside a region, nor in the preview, which is black there and says so."""
    (work / "notes.mp4").write_text("buy milk\n" * 100)
    shot = ground / "shot.mp4"
    clips = [
        otio.schema.Clip("gone", otio.schema.ExternalReference(str(work / "gone.mp4"), span(0, 25, 25)), span(0, 25, 25)),
        otio.schema.Clip("shot", otio.schema.ExternalReference(str(shot), span(0, 50, 25)), span(0, 50, 25)),
        otio.schema.Clip("notes", otio.schema.ExternalReference(str(work / "notes.mp4")), span(0, 25, 25)),
    ]
    timeline = otio.schema.Timeline("cut")
    timeline.tracks.append(otio.schema.Track("V1", clips, kind="Video"))
    timeline.tracks.markers.append(marker("FOLEY kettle", 25, 50, 25))
    save(timeline, work / "cut.otio")
    preview = work / "p.mp4"
    outputs = ("--preview", preview, "--report", work / "r.html")
    done = generate(work, work / "cut.otio", "--exemplar", ground / "hit.wav", *outputs)
    assert done.status == 0, done
    notes = " ".join(done.json["notes"])
    assert "gone.mp4" in notes and "notes.mp4" in notes
    from foley_bridge.media import video

    assert video.probe(preview).duration == Fraction(4)
