"""Embedding a library: real files through a real pack; what was made is kept, what changed is made anew, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx", reason="packs are made with onnx")
from library_files import RATE, noise, sound
from near_points import nearest_to
from packs import make_pack

from foley_bridge.cli import main
from foley_bridge.errors import Cancelled, LibraryError
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.library import embedding, hearing, segments
from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.embedding import EmbedProgress
from foley_bridge.library.scan import scan


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Encoders:
    return Encoders(Pack.open(make_pack(tmp_path_factory.mktemp("pack") / "tiny")), threads=1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.open(tmp_path / "library", create=True)


def tone(path: Path, hertz: float, seconds: float, channels: int = 1, rate: int = RATE) -> None:
    """It rises by an octave a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * hertz * np.cumsum(2**time_s) / rate
    soundfile.write(path, np.repeat(0.3 * np.sin(phase)[:, None], channels, axis=1), rate)


def rows(catalogue: Catalogue, encoders: Encoders) -> list[tuple[int, float, bytes]]:
    """Every segment: its content, its start, its point."""
    table = catalogue.segments(encoders.space).table.read(lambda table: table.to_arrow())
    return sorted(
        (content, start, np.array(vector, np.float32).tobytes())
        for content, start, vector in zip(*(table[name].to_pylist() for name in ("content", "start_s", "vector")), strict=True)
    )


def test_every_second_of_every_sound_becomes_the_point_that_the_encoders_give(
    catalogue: Catalogue, files: Path, encoders: Encoders
) -> None:
    tone(files / "low.wav", 200, 2.5)
    tone(files / "high.flac", 9000, 0.4, channels=2, rate=44_100)
    scan(catalogue, [files])
    done = catalogue.embed(encoders)
    assert (done.sounds, done.segments, done.skipped) == (2, 4, [])  # 0-1, 1-2, the last half in one that ends with it; one
    samples, rate = soundfile.read(files / "low.wav", dtype="float32")
    starts, points = encoders.embed_sounds(samples, rate)
    assert starts.tolist() == [0.0, 1.0, 1.5]
    found = nearest_to(catalogue, encoders.space, points[2:], limit=2)
    assert (found[0].sound.name, found[0].start_s) == ("low", 1.5) and found[0].distance < 1e-4
    samples, rate = soundfile.read(files / "high.flac", dtype="float32")
    found = nearest_to(catalogue, encoders.space, encoders.embed_sounds(samples, rate)[1], limit=2)
    assert [each.sound.name for each in found] == ["high", "low"]
    assert found[0].distance < 0.01 and found[1].distance > 0.5  # resampled as a stream, and at once


def test_nothing_is_made_twice_and_only_what_changed_anew(catalogue: Catalogue, files: Path, encoders: Encoders) -> None:
    for seed in range(4):
        sound(files / f"s{seed}.wav", seed, 60_000)
    scan(catalogue, [files])
    assert catalogue.embed(encoders).sounds == 4
    before = rows(catalogue, encoders)
    assert (again := catalogue.embed(encoders)).sounds == again.left == 0
    (files / "s0.wav").rename(files / "moved.wav")  # another path, the same content
    sound(files / "s1.wav", 77, 60_000)  # the same path, another content
    (files / "s2.wav").unlink()
    scan(catalogue, [files])
    done = catalogue.embed(encoders)
    assert (done.sounds, done.left) == (1, 2)
    after = rows(catalogue, encoders)
    assert len(after) == 6 and len(set(after) & set(before)) == 4
    assert catalogue.embedded(encoders.space) == (3, 3)
    assert {each.sound.name for each in nearest_to(catalogue, encoders.space, np.eye(1, 128, dtype=np.float32))} == {
        "moved", "s1", "s3",
    }  # fmt: skip


def test_what_cannot_be_heard_is_told_once_and_tried_again_when_it_changes(
    catalogue: Catalogue, files: Path, encoders: Encoders
) -> None:
    sound(files / "good.wav", 1)
    soundfile.write(files / "nan.wav", np.full(4800, np.nan, np.float32), RATE, subtype="FLOAT")
    broken = sound(files / "broken.flac", 2, 480_000)
    broken.write_bytes(broken.read_bytes()[:40_000])
    scan(catalogue, [files])
    done = catalogue.embed(encoders)
    assert done.sounds == 1 and [path for path, _ in done.skipped] == [str(broken), str(files / "nan.wav")]
    assert "numbers" in done.skipped[1][1]
    again = catalogue.embed(encoders)
    assert (again.sounds, again.skipped, again.unheard) == (0, [], 2)
    sound(files / "broken.flac", 2, 480_000)
    scan(catalogue, [files])
    mended = catalogue.embed(encoders)
    assert (mended.sounds, mended.skipped, mended.unheard) == (1, [], 1)


def test_a_sound_whose_drive_is_away_is_tried_again(catalogue: Catalogue, files: Path, encoders: Encoders) -> None:
    path = sound(files / "far.wav", 1)
    scan(catalogue, [files])
    path.rename(files.parent / "away.wav")
    assert catalogue.embed(encoders).skipped == [(str(path), "is not there")]
    (files.parent / "away.wav").rename(path)
    assert catalogue.embed(encoders).sounds == 1


def test_a_very_long_recording_is_heard_at_seconds_evenly_spread(
    catalogue: Catalogue, files: Path, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MOST_SEGMENTS", 5)
    samples = noise(3, 13 * RATE)[:, 0]
    files.mkdir()
    soundfile.write(files / "long.wav", samples, RATE, subtype="FLOAT")
    scan(catalogue, [files])
    assert catalogue.embed(encoders).segments == 5
    made = rows(catalogue, encoders)
    assert [start for _, start, _ in made] == [0.0, 3.0, 6.0, 9.0, 12.0]
    for _, start, point in made:
        part = samples[int(start * RATE) : int((start + 1) * RATE)]
        assert np.allclose(np.frombuffer(point, np.float32), encoders.embed_sounds(part, RATE)[1][0], atol=1e-6)


def test_stopped_it_keeps_what_is_in_and_goes_on(
    catalogue: Catalogue, files: Path, encoders: Encoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_WRITTEN", 3)
    monkeypatch.setattr(embedding, "_AT_ONCE", 2)
    monkeypatch.setattr(embedding, "_NEWS_S", 0.0)
    for seed in range(12):
        sound(files / f"s{seed}.wav", seed, 30_000)
    scan(catalogue, [files])

    def stop(progress: EmbedProgress) -> None:
        if progress.done >= 7:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        catalogue.embed(encoders, on_progress=stop)
    kept = rows(catalogue, encoders)
    assert 6 <= len(kept) < 12
    assert catalogue.embed(encoders).sounds == 12 - len(kept)
    other = Catalogue.open(tmp_path / "at once", create=True)
    scan(other, [files])
    other.embed(encoders)
    assert rows(catalogue, encoders) == rows(other, encoders)


def test_two_programs_do_not_embed_at_once(catalogue: Catalogue, files: Path, encoders: Encoders) -> None:
    sound(files / "a.wav", 1)
    scan(catalogue, [files])
    with catalogue.segments(encoders.space).embedding(), pytest.raises(LibraryError, match="another program is embedding"):
        Catalogue.open(catalogue.folder).embed(encoders)
    assert catalogue.embed(encoders).sounds == 1


def test_the_index_is_kept_up_to_date_and_made_anew_as_the_library_grows(
    catalogue: Catalogue, files: Path, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "INDEX_FROM", 256)
    table = catalogue.segments(encoders.space).table

    def state() -> tuple[int, int]:
        index = table.table().list_indices()[0].name
        stats = table.table().index_stats(index)
        assert stats is not None
        return stats.num_indexed_rows, stats.num_unindexed_rows

    sound(files / "a.wav", 1, 300 * RATE)
    scan(catalogue, [files])
    catalogue.embed(encoders)
    assert state() == (300, 0) and catalogue.segments(encoders.space).notes().trained == 300
    sound(files / "b.wav", 2, 30 * RATE)
    scan(catalogue, [files])
    catalogue.embed(encoders)
    assert state() == (330, 0) and catalogue.segments(encoders.space).notes().trained == 300
    monkeypatch.setattr(segments, "RETRAIN", 1)
    catalogue.embed(encoders)
    assert state() == (330, 0) and catalogue.segments(encoders.space).notes().trained == 330


# On the command line


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, without a pack that ships; returns the library's folder."""
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLEY_BRIDGE_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr("foley_bridge.inference.places.shipped_folder", lambda: tmp_path / "none")
    return tmp_path / "library"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main([*words])
    out, err = capsys.readouterr()
    return status, out, err


def json_of(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(said(capsys, *words, "--json")[1])


def test_add_goes_on_to_embed_where_a_pack_can(
    shell: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(files / "a.wav", 1)
    status, out, _ = said(capsys, "library", "add", str(files))
    assert status == 0 and "not embedded: no pack" in out
    status, _, err = said(capsys, "library", "embed")
    assert status != 0 and "packs add" in err
    assert said(capsys, "packs", "add", str(make_pack(tmp_path / "tiny")))[0] == 0
    sound(files / "b.wav", 2)
    assert json_of(capsys, "library", "add", str(files), "--no-embed")["embedded"] is None
    (files / "c.wav").write_bytes(sound(files / "c.wav", 3).read_bytes())
    assert json_of(capsys, "library", "add", str(files))["embedded"]["sounds"] == 3
    status, out, _ = said(capsys, "library", "embed")
    assert status == 0 and "nothing new to embed" in out and "3 of 3 sounds are embedded for tiny@1" in out


def test_the_pack_that_ships_embeds_only_where_it_was_asked_to(
    shell: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = make_pack(tmp_path / "mini", name="mini")
    monkeypatch.setattr("foley_bridge.inference.places.shipped_folder", lambda: shipped)
    sound(files / "a.wav", 1)
    status, out, _ = said(capsys, "library", "add", str(files))
    assert status == 0 and "mini@1 knows drawn scenes only" in out and "foley-bridge library embed" in out
    assert json_of(capsys, "library", "embed")["sounds"] == 1
    sound(files / "b.wav", 2)
    assert json_of(capsys, "library", "add", str(files))["embedded"]["sounds"] == 1


def test_what_cannot_be_heard_is_named_and_the_status_says_so(
    shell: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "packs", "add", str(make_pack(tmp_path / "tiny")))[0] == 0
    files.mkdir()
    soundfile.write(files / "nan.wav", np.full(4800, np.nan, np.float32), RATE, subtype="FLOAT")
    status, _, err = said(capsys, "library", "add", str(files))
    assert status == 1 and "1 could not be heard" in err and "nan.wav" in err
    status, _, err = said(capsys, "library", "embed")
    assert status == 0 and "not tried again" in err and "nan.wav" not in err


def test_killed_in_the_middle_it_goes_on_to_the_same_end(
    catalogue: Catalogue, files: Path, encoders: Encoders, tmp_path: Path
) -> None:
    for seed in range(30):
        sound(files / f"s{seed}.wav", seed, 30_000)
    scan(catalogue, [files])
    code = (
        "import sys; from pathlib import Path; from foley_bridge.library import embedding;"
        "from foley_bridge.library.catalogue import Catalogue; from foley_bridge.inference.encoders import Encoders;"
        "from foley_bridge.inference.pack import Pack; embedding._WRITTEN = 2; embedding._AT_ONCE = 1; embedding._NEWS_S = 0;"
        "encoders = Encoders(Pack.open(Path(sys.argv[2])), threads=1);"
        "Catalogue.open(Path(sys.argv[1])).embed(encoders, on_progress=lambda seen: print(seen.done, flush=True))"
    )
    command = [sys.executable, "-c", code, str(catalogue.folder), str(encoders.pack.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 9:
                process.kill()
                break
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    kept = len(rows(catalogue, encoders))
    assert 6 <= kept < 30
    assert catalogue.embed(encoders).sounds == 30 - kept
    whole = Catalogue.open(tmp_path / "whole", create=True)
    scan(whole, [files])
    whole.embed(encoders)
    assert rows(catalogue, encoders) == rows(whole, encoders)


def test_whoever_stops_listening_is_no_fault_of_the_file(
    encoders: Encoders, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise Cancelled("stopped", "begin again")

    path = sound(files / "a.wav", 1)
    monkeypatch.setattr(encoders, "heard", stopped)
    with pytest.raises(Cancelled):
        hearing.hear(0, [str(path)], encoders)
