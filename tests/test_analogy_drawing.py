"""Codes of a stretch: the same as from all tokens anew each time, whatever is wanted beside them; those go on that fit best."""

from __future__ import annotations

import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="packs are made with onnx")
from analogy_packs import CLIP, COLUMNS, ENTRIES, FRAMES, ROWS, Oracle, make_analogy_pack, small_task
from numpy.typing import DTypeLike

from foley_bridge.engines import rerank
from foley_bridge.engines.analogy.clip_mels import magnitudes_of
from foley_bridge.engines.analogy.drawing import Drawn, Pool, takes_of_pool
from foley_bridge.engines.analogy.judging import ONSETS, SYNC, Judged, Seen, judge
from foley_bridge.engines.analogy.memory import kept_bytes
from foley_bridge.engines.analogy.plan import Plan, plan
from foley_bridge.errors import Cancelled
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Pinned, Prefix, Sampling, go_on, pick
from foley_bridge.inference.in_place import Buffer
from foley_bridge.inference.offsets import Scores, order
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder

WINDOWS = 4
EXAMPLE = np.random.default_rng(1).normal(size=(1, FRAMES, 3)).astype(np.float32)
CONDITION = np.random.default_rng(2).integers(0, ENTRIES, (1, CLIP))


def pack(folder: Path, condition: str = "all", without: tuple[str, ...] = ()) -> Analogy:
    task = small_task(condition, leave_out=without)
    return Analogy(Pack.open(make_analogy_pack(folder / "pack", task=task, without=without)), threads=1, providers="cpu")


def windows_of(analogy: Analogy) -> Plan:
    made = plan(analogy.task, Fraction(0), Fraction(128 + 64 * (WINDOWS - 1), 8000))
    assert made.windows == WINDOWS
    return made


def seen(number: int, onsets_s: tuple[float, ...] = (0.004,)) -> Seen:
    random = np.random.default_rng(100 + number)
    features = random.normal(size=(1, FRAMES, 3)).astype(np.float32)
    images = random.integers(0, 256, (FRAMES, 16, 16, 3), np.uint8)
    return Seen(features, images, np.array(onsets_s), np.ones(len(onsets_s)))


def drawn(analogy: Analogy, *, candidates: int, number: int = 0, choice: str = SYNC, seed: int = 5) -> list[Drawn]:
    pinned = Pinned(analogy.session("decoder"), analogy.task, Prefix(EXAMPLE, EXAMPLE[:, :0], CONDITION))
    pool = Pool(analogy, pinned, windows_of(analogy), candidates=candidates, seed=seed, number=number, choice=choice)
    for window in range(WINDOWS):
        pool.window(window, seen(window))
    return pool.takes()


@pytest.mark.parametrize("candidates", [1, 3, 8, 100])
def test_buffers_take_no_more_than_was_reckoned(tmp_path: Path, candidates: int) -> None:
    analogy = pack(tmp_path)
    session, live, peak = analogy.session("decoder"), [0], [0]

    class Counted:
        run_in_place = session.run_in_place

        def buffer(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Buffer:
            made = session.buffer(shape, dtype)
            size = made.read().nbytes
            live[0] += size
            peak[0] = max(peak[0], live[0])
            weakref.finalize(made, lambda: live.__setitem__(0, live[0] - size))
            return made

    pinned = Pinned(Counted(), analogy.task, Prefix(EXAMPLE, EXAMPLE[:, :0], CONDITION))
    pool = Pool(analogy, pinned, windows_of(analogy), candidates=candidates, seed=5, number=0, choice=SYNC)
    for window in range(WINDOWS):
        pool.window(window, seen(window))
    assert kept_bytes(analogy.task, candidates) / 2 < peak[0] <= kept_bytes(analogy.task, candidates)


def anew(analogy: Analogy, condition: str, *, number: int = 0, seed: int = 5) -> list[int]:
    """The codes of a pool of one candidate, every token of every window computed anew for each code."""
    task, oracle, made = analogy.task, Oracle.of(analogy.task), list[int]()
    for window in range(WINDOWS):
        first = window * (COLUMNS // 2) * ROWS
        last = min(first + CLIP, windows_of(analogy).all_columns * ROWS)
        draws = np.random.default_rng([seed, number, window]).random((1, last - len(made)))[0]
        own = seen(window).features[0]
        shown = np.concatenate([EXAMPLE[0], own]) if condition == "all" else own
        before = CONDITION[0, :0] if condition == "none" else CONDITION[0]
        for draw in draws:
            tokens = np.concatenate([before, made[first:]]).astype(np.int64)
            logits = oracle.logits(shown, tokens)[-1:].astype(np.float32)
            made.append(int(pick(logits, np.array([draw]), task.top_k, task.temperature)[0]))
    return made


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
def test_a_long_stretch_is_the_same_as_without_any_cache(tmp_path: Path, condition: str) -> None:
    analogy = pack(tmp_path, condition)
    for number in (0, 3):
        (take,) = drawn(analogy, candidates=1, number=number)
        assert take.codes.reshape(-1).tolist() == anew(analogy, condition, number=number)
        assert take.codes.shape == (windows_of(analogy).all_columns, ROWS)


def test_draws_depend_on_seed_and_pool(tmp_path: Path) -> None:
    analogy = pack(tmp_path)
    of = [(seed, pool) for seed in (0, 1) for pool in (0, 1)]
    made = {each: drawn(analogy, candidates=1, seed=each[0], number=each[1])[0].codes.tobytes() for each in of}
    assert len(set(made.values())) == 4
    assert made[0, 1] == drawn(analogy, candidates=1, seed=0, number=1)[0].codes.tobytes(), "and on nothing else"


@pytest.mark.parametrize("candidates", [2, 3, 8, 11])
@pytest.mark.parametrize("choice", [SYNC, ONSETS])
def test_those_go_on_that_fit_best(tmp_path: Path, candidates: int, choice: str) -> None:
    """Histories are followed here one by one, with the network's own words for each candidate alone."""
    analogy = pack(tmp_path)
    takes = takes_of_pool(candidates)
    each = candidates // takes
    made = drawn(analogy, candidates=candidates, choice=choice)
    assert len(made) == takes
    pinned = Pinned(analogy.session("decoder"), analogy.task, Prefix(EXAMPLE, EXAMPLE[:, :0], CONDITION))

    def alone(window: int, codes: np.ndarray) -> Judged:
        return judge(analogy, codes, seen(window), choice)

    sampling = Sampling(analogy.task.top_k, analogy.task.temperature)
    draws = np.random.default_rng([5, 0, 0]).random((candidates, CLIP))
    nothing = np.zeros((1, 0), np.int64)
    first = go_on(pinned, seen(0).features, nothing, draws, sampling)
    histories = [first[row].tolist() for row in alone(0, first).order()[:takes]]
    for window in range(1, WINDOWS):
        draws = np.random.default_rng([5, 0, window]).random((takes * each, CLIP // 2))
        for take in range(takes):
            known = np.array([histories[take][-CLIP // 2 :]])
            more = go_on(pinned, seen(window).features, known, draws[take * each : (take + 1) * each], sampling)
            whole = np.concatenate([np.repeat(known, each, axis=0), more], axis=1)
            histories[take] += more[alone(window, whole).order()[0]].tolist()
    assert sorted(take.codes.reshape(-1).tolist() for take in made) == sorted(histories)


def test_takes_come_best_first_by_all_their_windows(tmp_path: Path) -> None:
    made = drawn(pack(tmp_path), candidates=16)
    scores = [take.judged.scores for take in made if take.judged.scores is not None]
    assert [len(each.offsets_s) for each in scores] == [WINDOWS] * 4
    away, sure = ([np.abs(each.offsets_s).mean() for each in scores], [each.confidences.mean() for each in scores])
    whole = Scores(np.array(away), np.array(sure))
    assert order(whole).tolist() == [0, 1, 2, 3]


def test_without_a_synchronisation_network_onsets_decide_and_without_onsets_the_order_of_drawing(tmp_path: Path) -> None:
    analogy = pack(tmp_path, without=("sync",))
    codes = np.random.default_rng(3).integers(0, ENTRIES, (6, CLIP))
    judged = judge(analogy, codes, seen(0), SYNC)
    assert judged.scores is None and judged.agreed is not None and judged.agreed[judged.order()[0]] > judged.agreed.max() - 1e-8
    blind = judge(analogy, codes, seen(0, ()), SYNC)
    assert blind.agreed is None and blind.order() == [0, 1, 2, 3, 4, 5]


def test_several_are_judged_by_a_mel_in_eight_bits_and_what_sounds_is_not(tmp_path: Path) -> None:
    analogy = Analogy(Pack.open(make_analogy_pack(tmp_path / "pack", int8_mel=True)), threads=1, providers="cpu")
    codes = np.random.default_rng(6).integers(0, ENTRIES, (4, CLIP))
    grid = codes.reshape(4, COLUMNS, ROWS)
    rises, judged = (rerank.rises(analogy.magnitudes(grid, role)) for role in ("mel", "mel_int8"))
    assert np.abs(rises - judged).max() > 0.01
    assert np.array_equal(judge(analogy, codes, seen(0), ONSETS).rises, judged)
    assert np.array_equal(magnitudes_of(analogy, grid), analogy.magnitudes(grid)), "kept mels are not mixed up"
    assert np.array_equal(judge(analogy, codes[:1], seen(0), ONSETS).rises, rises[:1]), "a single one will sound"


def test_a_single_candidate_is_not_put_to_the_synchronisation_network(tmp_path: Path) -> None:
    (take,) = drawn(pack(tmp_path), candidates=1)
    assert take.judged.scores is None and 0 <= take.score <= 1


@pytest.mark.parametrize(("candidates", "takes"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (100, 4)])
def test_at_least_half_of_the_candidates_are_not_taken(candidates: int, takes: int) -> None:
    assert takes_of_pool(candidates) == takes


def test_it_is_told_of_each_code_and_stops_between_two(tmp_path: Path) -> None:
    analogy, told = pack(tmp_path), list[int]()

    def stop() -> None:
        told.append(1)
        if len(told) == 3:
            raise Cancelled("stopped")

    pinned = Pinned(analogy.session("decoder"), analogy.task, Prefix(EXAMPLE, EXAMPLE[:, :0], CONDITION))
    pool = Pool(analogy, pinned, windows_of(analogy), candidates=4, seed=0, number=0, choice=SYNC)
    with pytest.raises(Cancelled):
        pool.window(0, seen(0), stop)
    assert len(told) == 3


def test_a_sound_s_hits_are_told_from_all_its_windows(tmp_path: Path) -> None:
    analogy = pack(tmp_path)
    windows = windows_of(analogy)
    rises = np.zeros((WINDOWS, 8))
    rises[0, 3], rises[3, 2], rises[1, 0] = 1.0, 0.8, 5.0  # the last is the edge of a window, which knows nothing before it
    judged = Judged(None, None, rises)
    frame_s = 0.1
    assert Drawn(np.zeros((5, ROWS), np.int64), judged).sounding_at(windows, frame_s) == pytest.approx((0.3, 1.4))


def test_the_last_window_draws_only_what_is_left_and_is_judged_by_a_whole_clip() -> None:
    """With clips of ten columns: of a stretch of eleven the second window has one column."""
    analogy = Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")
    task, random = analogy.task, np.random.default_rng(8)
    windows = plan(task, Fraction(0), 10 * Fraction(4096, 22050) + Fraction(1, 100))
    assert (windows.all_columns, windows.windows) == (11, 2)
    example, codes = random.normal(size=(1, 30, task.features)).astype(np.float32), random.integers(0, 256, (1, 50))
    pinned = Pinned(analogy.session("decoder"), task, Prefix(example, example[:, :0], codes))
    shown = [
        Seen(
            random.normal(size=(1, 30, task.features)).astype(np.float32),
            random.integers(0, 256, (30, 56, 56, 3), np.uint8),
            np.array([0.1, 1.0, 1.2]),
            np.ones(3),
        )
        for _ in range(2)
    ]
    pool, told = Pool(analogy, pinned, windows, candidates=4, seed=1, number=0, choice=ONSETS), list[int]()
    for window in range(2):
        pool.window(window, shown[window], lambda: told.append(1))
    assert len(told) == 55
    sampling = Sampling(task.top_k, task.temperature)
    for take in pool.takes():
        assert take.codes.shape == (11, 5)
        made, known = take.codes[-1].tolist(), take.codes[5:10].reshape(1, -1)
        draws = np.random.default_rng([1, 0, 1]).random((4, 5))
        both = [go_on(pinned, shown[1].features, known, draws[2 * each : 2 * each + 2], sampling) for each in range(2)]
        whole = [np.concatenate([np.repeat(take.codes[1:10].reshape(1, -1), 2, axis=0), each], axis=1) for each in both]
        earlier = shown[1].earlier(shown[0], 4, windows)
        assert earlier.images.shape == (30, 56, 56, 3) and (earlier.images[11:] == shown[1].images[:19]).all()
        between_s = 5 * 4096 / 22050
        assert earlier.onsets_s == pytest.approx([0.1 - between_s / 5, *(shown[1].onsets_s + 0.8 * between_s)])
        best = [
            each[judge(analogy, codes, earlier, ONSETS).order()[0]].tolist() for each, codes in zip(both, whole, strict=True)
        ]
        assert made in best
