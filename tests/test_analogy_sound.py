"""Codes become sound: exact to the sample, made once, the same bytes each time, and nothing left when it is stopped."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from analogy_packs import COLUMNS, ENTRIES, ROWS, SOUND, make_analogy_pack, shortened

from foley_bridge.engines.analogy import sounding
from foley_bridge.engines.analogy.early import Early
from foley_bridge.engines.analogy.sounding import IN_MEMORY, CodedSound
from foley_bridge.engines.analogy.waves import decoded, waves, windows_of
from foley_bridge.errors import Cancelled
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Codes
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder

HOPS = SOUND.frames // COLUMNS * SOUND.hop  # samples of a column
FILES = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Analogy:
    """With a vocoder, whose sound is the mean of a frame's magnitudes times a ramp."""
    return Analogy(Pack.open(make_analogy_pack(tmp_path_factory.mktemp("spoken") / "pack")), threads=1, providers="cpu")


@pytest.fixture(scope="module")
def guessed(tmp_path_factory: pytest.TempPathFactory) -> Analogy:
    """Without."""
    folder = make_analogy_pack(tmp_path_factory.mktemp("guessed") / "pack", without=["vocoder"])
    return Analogy(Pack.open(folder), threads=1, providers="cpu")


@pytest.fixture(scope="module")
def mini() -> Analogy:
    return Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")


def drawn(columns: int, rows: int = ROWS, entries: int = ENTRIES) -> Codes:
    return np.random.default_rng(columns).integers(0, entries, (columns, rows))


def read(sound: CodedSound, size: int = 65536) -> np.ndarray:
    """(frames,); all blocks but the last are as long as asked."""
    blocks = list(sound.blocks(size))
    assert all(len(block) == size for block in blocks[:-1]) and len(blocks) == -(-sound.frames // size)
    assert all(block.dtype == np.float32 and block.shape[1:] == (1,) for block in blocks)
    return np.concatenate(blocks)[:, 0] if blocks else np.zeros(0, np.float32)


def open_files() -> int:
    gc.collect()
    return len(list(FILES.iterdir()))


# --- codes to magnitudes ---


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7])
def test_every_code_is_heard_where_it_stands(spoken: Analogy, columns: int) -> None:
    codes = drawn(columns)
    made = np.concatenate(list(decoded(spoken, windows_of(spoken, codes))), axis=1)
    assert np.allclose(made, (codes / ENTRIES * 5 - 4).T.repeat(4, axis=0).repeat(4, axis=1), atol=1e-6)


def test_the_scale_ends_where_runs_of_ours_were_judged_and_not_where_others_were(spoken: Analogy) -> None:
    codes = drawn(4) + 2 * ENTRIES
    published = Analogy(spoken.pack, threads=1, providers="cpu")
    published.task = shortened(published.task, origin="published")
    assert np.concatenate(list(decoded(spoken, windows_of(spoken, codes))), axis=1).max() == 1
    assert np.concatenate(list(decoded(published, windows_of(published, codes))), axis=1).min() > 1


def test_windows_lie_where_codes_were_drawn_and_give_way_to_one_another(mini: Analogy) -> None:
    task = mini.task
    codes = drawn(17, task.rows, task.entries)
    made = np.concatenate(list(decoded(mini, windows_of(mini, codes))), axis=1)
    of_clip = task.sound.frames
    assert made.shape == (task.sound.mels, 17 * of_clip // 10)
    first, second, last = (mini.magnitudes(codes[None, start : start + 10])[0].clip(-4, 1) for start in (0, 5, 7))
    assert np.array_equal(made[:, :80], first[:, :80]) and np.array_equal(made[:, -32:], last[:, -32:])
    share = (np.arange(80) + 0.5) / 80
    assert np.allclose(made[:, 80:112], (first[:, 80:] * (1 - share) + second[:, :80] * share)[:, :32], atol=1e-5)


# --- the sound ---


@pytest.mark.parametrize("columns", [2, 5, 60])
def test_sound_is_exact_to_the_sample(spoken: Analogy, columns: int) -> None:
    codes = drawn(columns)
    levels = (codes / ENTRIES * 5 - 4).mean(axis=1).repeat(SOUND.frames // COLUMNS)
    wanted = (levels[:, None] * np.linspace(0.01, 0.1, SOUND.hop)).reshape(-1)
    length = columns * HOPS
    for start, frames in ((0, length), (1, length - 1), (HOPS + 7, length - HOPS - 20), (length - 1, 1), (length, 0)):
        sound = CodedSound(spoken, codes, start=start, frames=frames)
        assert (sound.sample_rate, sound.channels, sound.frames) == (SOUND.sample_rate, 1, frames)
        assert np.allclose(read(sound), wanted[start : start + frames], atol=1e-6)
        assert np.array_equal(read(sound, 77), read(sound))


def test_where_it_begins_changes_no_sample(guessed: Analogy) -> None:
    codes = drawn(120)
    whole = np.concatenate(list(waves(guessed, windows_of(guessed, codes))))
    assert whole.shape == (120 * HOPS,) and np.abs(whole).max() > 0.01
    part = CodedSound(guessed, codes, start=3001, frames=3300)
    assert read(part).tobytes() == whole[3001:6301].tobytes()
    assert read(CodedSound(guessed, codes, start=3001, frames=3300), 500).tobytes() == read(part).tobytes()


@pytest.mark.parametrize(("start", "frames"), [(-1, 5), (0, 5 * HOPS + 1), (HOPS, 5 * HOPS), (0, -1)])
def test_what_codes_do_not_hold_is_refused(spoken: Analogy, start: int, frames: int) -> None:
    with pytest.raises(ValueError, match=f"of a sound that has {5 * HOPS}"):
        CodedSound(spoken, drawn(5), start=start, frames=frames)


def test_it_is_made_once_and_begins_before_it_is_done(guessed: Analogy) -> None:
    shares: list[float] = []
    codes = drawn(200)
    sound = CodedSound(guessed, codes, start=0, frames=200 * HOPS, told=shares.append)
    assert shares == []
    begun = sound.blocks(1000)
    first = next(begun)
    assert len(shares) == 1 and 0 < shares[0] < 0.5
    beside = next(sound.blocks(2000))
    assert len(shares) == 1 and np.array_equal(beside[:1000], first)
    rest = np.concatenate([first, *begun])
    assert shares == sorted(shares) and shares[-1] == 1
    told = len(shares)
    assert np.array_equal(read(sound), rest[:, 0]) and len(shares) == told


def test_several_may_read_at_once(guessed: Analogy) -> None:
    sound = CodedSound(guessed, drawn(150), start=10, frames=9000)
    heard: list[bytes] = []
    readers = [threading.Thread(target=lambda size=size: heard.append(read(sound, size).tobytes())) for size in (100, 333, 900)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert heard == [read(CodedSound(guessed, drawn(150), start=10, frames=9000)).tobytes()] * 3


@pytest.mark.skipif(not FILES.is_dir(), reason="counts open files where the system lists them")
def test_stopping_leaves_nothing_and_asking_again_begins_anew(spoken: Analogy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounding, "IN_MEMORY", 4096)
    shares: list[float] = []
    stopping = True

    def told(share: float) -> None:
        shares.append(share)
        if stopping and share > 0.8:
            raise Cancelled("Stopped.")

    codes = drawn(400)
    sound = CodedSound(spoken, codes, start=0, frames=400 * HOPS, told=told)
    before = open_files()
    assert len(next(sound.blocks(10000))) == 10000 and open_files() == before + 1
    with pytest.raises(Cancelled):
        read(sound)
    assert 0.8 < shares[-1] < 1 and open_files() == before
    stopping, told_before = False, len(shares)
    again = read(sound)
    assert shares[told_before] < 0.2 and shares[-1] == 1 and open_files() == before + 1
    assert again.tobytes() == np.concatenate(list(waves(spoken, windows_of(spoken, codes)))).tobytes()
    del sound
    assert open_files() == before


@pytest.mark.skipif(sys.platform == "win32", reason="such limits are POSIX")
def test_no_room_is_said(tmp_path: Path) -> None:
    folder = make_analogy_pack(tmp_path / "pack")
    code = f"""
import numpy as np, resource
from pathlib import Path
from foley_bridge.engines.analogy.sounding import CodedSound
from foley_bridge.errors import EngineError
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.pack import Pack
analogy = Analogy(Pack.open(Path({str(folder)!r})), threads=1, providers="cpu")
resource.setrlimit(resource.RLIMIT_FSIZE, ({IN_MEMORY + 4096},) * 2)
try:
    for block in CodedSound(analogy, np.zeros((8192, 2), np.int64), start=0, frames=8192 * {HOPS}).blocks():
        pass
except EngineError as error:
    print(error.message, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert f"a sound that is being made cannot be kept: {os.strerror(errno.EFBIG)} make room" in done.stdout, done.stderr
    assert f"make room in {tmp_path}, or let TMPDIR name another folder" in done.stdout


def test_what_nobody_will_hear_early_is_not_made(mini: Analogy, tmp_path: Path) -> None:
    """Who stops a long region does not wait for the sound of all that was drawn of it."""
    columns, step, windows = mini.task.columns, mini.task.columns // 2, 40
    samples = windows * step * (mini.task.sound.frames // columns) * mini.task.sound.hop
    path = tmp_path / "early.wav"
    with pytest.raises(Cancelled), Early(mini, path, frames=samples, gain=1.0) as early:
        for number in range(windows):
            early.drawn(number * step, drawn(columns, mini.task.rows))
        raise Cancelled("stopped")
    assert path.stat().st_size < 2 * samples // 2, "two bytes a sample"


@pytest.mark.nightly
def test_nothing_is_to_be_heard_where_windows_and_pieces_meet(mini: Analogy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    joins = importlib.import_module("joins")
    rows = {row["what"]: row["mean"] / row["mean_of_others"] for row in joins.compare(mini, count=6, seconds=20, seed=3)}
    joined = {what: times for what, times in rows.items() if what.startswith(("windows", "pieces"))}
    assert len(joined) == 5 and max(joined.values()) < 1.4
    assert rows["end to end: level"] > 1.7 and rows["end to end: magnitudes"] > 1.7
