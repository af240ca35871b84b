"""The task ``analogy``: what a manifest may say of it, its graphs run, codes drawn as the definition has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from analogy_packs import (
    CLIP,
    COLUMNS,
    ENTRIES,
    FEATURES,
    FRAMES,
    ROWS,
    Oracle,
    make_analogy_pack,
    sample,
    shortened,
    small_task,
)
from foley_export.analogy.smaller import smaller as in_smaller_numbers
from foley_export.running import OnCpu
from packs import make_pack, read_manifest, write_manifest

from foley_bridge.cli import main
from foley_bridge.errors import PackError
from foley_bridge.inference import decode
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.analogy_task import AnalogyTask
from foley_bridge.inference.decode import Prefix
from foley_bridge.inference.installed import Installed
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.inference.where import serving

THREADS = {"threads": 1, "providers": "cpu"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_analogy_pack(tmp_path / "pack")


def features(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(1, count, FEATURES)).astype(np.float32)


def numbered(seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(0, ENTRIES, (1, CLIP))


def say_nearer(folder: Path, graph: str) -> None:
    """Let a manifest say that a smaller graph is nearer to fp32 than it is."""
    manifest = read_manifest(folder)
    manifest["graphs"][graph]["parity"].update(tolerance=1e-6, worst=1e-6)
    write_manifest(folder, manifest)


# --- what a manifest says ---


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
def test_what_is_written_is_read_again(condition: str) -> None:
    plain = small_task(condition)
    smaller = shortened(plain, graphs={**plain.graphs, "decoder_int8": "small", "picture_int8": "seen", "mel_int8": "heard"})
    for task in (plain, smaller, small_task(condition, leave_out=["vocoder", "sync", "onset"])):
        assert AnalogyTask.from_json(json.loads(json.dumps(task.to_json())), "tasks.analogy") == task


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda task: task["graphs"].pop("mel"), "graphs.mel is missing"),
        (lambda task: task["graphs"].update(mel=None), "graphs.mel is no text"),
        (lambda task: task["graphs"].update(mel="gone"), "graphs.mel: there is no graph 'gone'"),
        (lambda task: task["graphs"].update(mel="analogy-vocoder"), "wants codes int64"),
        (lambda task: task["graphs"].update(decoder_int8="analogy-mel"), "graphs.decoder_int8 wants features"),
        (lambda task: task["graphs"].update(decoder_fp16="analogy-decoder"), "wants shared_key_0 float16"),
        (lambda task: task["graphs"].update(mel_int8="analogy-vocoder"), "graphs.mel_int8 wants codes int64"),
        (lambda task: task["graphs"].update(sync_int8="analogy-sync"), "graphs.sync_int8: there is no such key"),
        (lambda task: task["graphs"].update(vocoder=None), "wave: it is vocoder when there is a graph"),
        (lambda task: task.update(wave="griffin-lim"), "wave: it is vocoder when there is a graph"),
        (lambda task: task["graphs"].update(sync=None), "offsets_s: they belong to a graph of role sync"),
        (lambda task: task["picture"].update(frames=4000), "picture.frames: 4000 is not from 1 to 1024"),
        (lambda task: task["picture"].pop("mean"), "picture.mean: is missing"),
        (lambda task: task["sound"].update(hop=1 << 20), "sound.hop"),
        (lambda task: task["sound"].update(scale="bark"), "sound.scale"),
        (lambda task: task["codes"].update(order="rows"), "codes.order: 'rows' cannot be"),
        (lambda task: task["codes"].update(columns=3), "8 frames of a mel are not 3 columns"),
        (lambda task: task["sampling"].update(top_k=17), "sampling.top_k: 17 is more than there are codes"),
        (lambda task: task["sampling"].update(temperature=0), "sampling.temperature"),
        (lambda task: task["decoder"].update(positions=12), "positions: 12 hold no sequence of 14"),
        (lambda task: task["decoder"].update(layers=2), "shared_key_1"),
        (lambda task: task["decoder"].update(condition="some"), "decoder.condition"),
        (lambda task: task.update(statistics="call"), "pictures float32 (1, 3, pictures"),
        (lambda task: task["window"].update(fill=float(2)), "window.fill: 2.0 is not from -1 to 1"),
        (lambda task: task.update(golden="other.npz"), "golden: other.npz is not among the files"),
        (lambda task: task.update(more=1), "there is no such key"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_its_place(folder: Path, change: Any, said: str) -> None:
    manifest = read_manifest(folder)
    change(manifest["tasks"]["analogy"])
    write_manifest(folder, manifest)
    with pytest.raises(PackError) as told:
        Pack.open(folder)
    assert said in told.value.message and "analogy" in told.value.message


def test_a_graph_whose_free_axis_is_baked_in_is_refused(folder: Path) -> None:
    manifest = read_manifest(folder)
    manifest["graphs"]["analogy-mel"]["inputs"][0]["shape"][1] = 2
    write_manifest(folder, manifest)
    with pytest.raises(PackError, match="wants codes int64"):
        Pack.open(folder)


# --- the decoder's graph as packs have it ---


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_no_row_knows_what_is_beside_it_or_what_lay_there_before(precision: str, threads: int) -> None:
    """Of the graph that ships, and the same in int8: after several codes at once, and after one."""
    pack = Pack.open(shipped_folder())
    task, model = pack.analogy, onnx.load(pack.graph(pack.analogy.graphs["decoder"]).path)
    graph = OnCpu(model if precision == "fp32" else in_smaller_numbers(model, precision), threads)
    random, rows = np.random.default_rng(3), 5
    pictures = random.normal(size=(1, task.prefix[0], task.features)).astype(np.float32)
    one, _ = decode.Cache.full(graph, task, pictures, random.integers(0, task.entries, (1, task.prefix[1])))
    codes, nothing = random.integers(0, task.entries, (rows, 4)), np.zeros((rows, 0, task.features), np.float32)

    def logits(own: np.ndarray, left: float = 0.0) -> np.ndarray:
        cache = one.rows_after(rows, 6)
        for buffer in cache._buffers:
            buffer.write(np.full_like(buffer.read(), left))
        return np.stack([cache.run(nothing, own[:, :3]), cache.run(nothing, own[:, 3:])], axis=1)

    made = logits(codes)
    assert len({each.tobytes() for each in made}) == rows
    assert logits(codes[::-1])[::-1].tobytes() == made.tobytes()
    others = random.integers(0, task.entries, codes.shape)
    others[2] = codes[2]
    assert logits(others)[2].tobytes() == made[2].tobytes()
    assert logits(codes, left=1e30).tobytes() == made.tobytes()
    again = one.rows_after(rows, 6)
    again.run(nothing, codes[:, :3])
    parted = again.repeated(2).run(np.repeat(nothing, 2, axis=0), np.repeat(codes[:, 3:], 2, axis=0))
    np.testing.assert_allclose(parted, np.repeat(made[:, 1], 2, axis=0), atol=1e-5)


def test_a_step_that_is_done_again_gives_the_same(folder: Path) -> None:
    """As when one provider fails half way, and the next one finds what it left."""
    analogy = Analogy(Pack.open(folder), **THREADS)
    session, doubled = analogy.session("decoder"), list[bool]()

    class Twice:
        buffer = session.buffer

        def run_in_place(self, given: Any, places: Any) -> Any:
            if doubled:
                session.run_in_place(given, places)
            return session.run_in_place(given, places)

    def codes() -> Any:
        prefix = Prefix(features(FRAMES, 1), features(9, 2), numbered())
        return decode.generate(Twice(), analogy.task, prefix, np.random.default_rng(4).random((4, 5 * ROWS)))

    plain = codes()
    doubled.append(True)
    assert np.array_equal(codes(), plain)


def test_each_golden_sequence_has_a_prefix_of_its_own(folder: Path) -> None:
    with np.load(folder / "analogy-golden.npz") as file:
        golden = dict(file)
    task = Pack.open(folder).analogy
    oracle, other = Oracle.of(task), features(task.prefix[0], 9)
    known, codes = (golden[f"decoder_{each}"].astype(np.int64) for each in ("condition", "codes"))
    expected = oracle.logits(other[0], np.concatenate([known[0], codes[0, :-1]]))[-CLIP:]
    added = {"in": other, "condition": known, "draws": golden["decoder_draws"], "codes": codes, "out": expected[None]}
    for name, array in added.items():
        golden[f"decoder_{name}"] = np.concatenate([golden[f"decoder_{name}"], array]).astype(np.float32)
    np.savez(folder / "analogy-golden.npz", **golden)
    write_manifest(folder, read_manifest(folder))
    analogy = Analogy(Pack.open(folder), **THREADS)
    assert np.abs(analogy.retrace(analogy.golden()) - golden["decoder_out"]).max() < 1e-4
    analogy.prove()


def test_a_decoder_of_the_form_before_is_told_from_one_that_is_wrong(folder: Path) -> None:
    said = read_manifest(folder)
    said["graphs"]["analogy-decoder"]["inputs"][2] = {"name": "last", "dtype": "int32", "shape": ["batch"]}
    said["graphs"]["analogy-decoder"]["inputs"][3] = {"name": "total", "dtype": "int32", "shape": []}
    write_manifest(folder, said)
    with pytest.raises(PackError, match=r"graphs\.analogy-decoder: it was made for an older foley-bridge.*export it anew"):
        Pack.open(folder)


# --- what its graphs do ---


def test_a_true_pack_is_proven_and_an_untrue_one_is_not(folder: Path) -> None:
    Analogy(Pack.open(folder), **THREADS).prove()
    with np.load(folder / "analogy-golden.npz") as file:
        golden = dict(file)
    for name in ("vocoder_out", "codes_out", "decoder_out", "sync_out"):
        changed = {**golden, name: golden[name] + np.float32(1)}
        np.savez(folder / "analogy-golden.npz", **changed)
        write_manifest(folder, read_manifest(folder))
        with pytest.raises(PackError, match=f"analogy-{name.partition('_')[0]}.onnx"):
            Analogy(Pack.open(folder), **THREADS).prove()


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
def test_codes_are_drawn_as_from_all_tokens_anew_each_time(tmp_path: Path, condition: str) -> None:
    task = small_task(condition)
    analogy, oracle = Analogy(Pack.open(make_analogy_pack(tmp_path / "pack", task=task)), **THREADS), Oracle.of(task)
    example, own, codes = features(FRAMES, 1), features(FRAMES, 2), numbered()
    drawn = np.random.default_rng(3).random((5, CLIP))
    made = analogy.generate(Prefix(example, own, codes), drawn).reshape(5, CLIP)
    shown = {"all": np.concatenate([example[0], own[0]])}.get(condition, own[0])
    heard = codes[0, :0] if condition == "none" else codes[0]
    assert made.tolist() == [sample(task, oracle, shown, heard, each).tolist() for each in drawn]
    assert len({tuple(each) for each in made.tolist()}) > 1, "takes differ"


def test_a_take_is_the_same_whatever_is_drawn_beside_it(folder: Path) -> None:
    analogy = Analogy(Pack.open(folder), **THREADS)
    prefix, drawn = Prefix(features(FRAMES, 1), features(9, 2), numbered()), np.random.default_rng(4).random((4, 5 * ROWS))
    together, turned = analogy.generate(prefix, drawn), analogy.generate(prefix, drawn[::-1])
    assert together.tolist() == turned[::-1].tolist()
    fewer = [analogy.generate(prefix, drawn[take : take + 2])[0].tolist() for take in range(3)]
    assert fewer == together[:3].tolist()


@pytest.mark.parametrize("slide", ["half", "last"])
def test_a_longer_sound_is_made_in_a_window_that_moves_over_pictures_and_codes(tmp_path: Path, slide: str) -> None:
    task = AnalogyTask.from_json({**small_task().to_json(), "window": {**small_task().to_json()["window"], "slide": slide}}, "")
    analogy, oracle = Analogy(Pack.open(make_analogy_pack(tmp_path / "pack", task=task)), **THREADS), Oracle.of(task)
    example, own, codes = features(FRAMES, 1), features(10, 2), numbered()
    columns, drawn = 5, np.random.default_rng(5).random((2, 5 * ROWS))
    made = analogy.generate(Prefix(example, own, codes), drawn).reshape(2, -1)
    for take in range(2):
        expected: list[int] = []
        for at in range(columns * ROWS):
            column = at // ROWS
            start = min(max(column - 1, 0), columns - COLUMNS)  # of two columns, the middle and the last one are the same
            frame = min(round(start * 1.5), 10 - FRAMES)
            known = np.array(expected[start * ROWS :], np.int64)
            shown = np.concatenate([example[0], own[0, frame : frame + FRAMES]])
            logits = oracle.logits(shown, np.concatenate([codes[0], known]))[-1:]
            expected.append(int(decode.pick(logits.astype(np.float32), drawn[take, at : at + 1], task.top_k, 1.0)[0]))
        assert made[take].tolist() == expected


def test_a_draw_means_the_code_that_its_share_falls_into() -> None:
    logits = np.log(np.array([[0.1, 0.4, 0.2, 0.3]], np.float32))

    def drawn(*numbers: float, top_k: int = 4, temperature: float = 1.0) -> list[int]:
        repeated = np.repeat(logits, len(numbers), axis=0)
        return decode.pick(repeated, np.array(numbers), top_k, temperature).tolist()

    assert drawn(0.0, 0.099, 0.101, 0.499, 0.501, 0.699, 0.701, 1 - 1e-16) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert drawn(0.0, 0.57, 0.58, top_k=2) == [1, 1, 3], "the two likeliest share all"
    assert drawn(0.0, 1 - 1e-16, top_k=1) == [1, 1]
    assert drawn(0.02, 0.05, temperature=0.1) == [1, 1], "colder: the likeliest, and little else"


def test_equally_likely_codes_are_all_kept() -> None:
    logits = np.array([[1.0, 2.0, 1.0, 1.0]], np.float32)
    taken = {int(decode.pick(logits, np.array([draw]), 2, 1.0)[0]) for draw in np.linspace(0, 0.999, 50)}
    assert taken == {0, 1, 2, 3}


def test_more_tokens_than_the_decoder_knows_are_refused(folder: Path) -> None:
    analogy = Analogy(Pack.open(folder), **THREADS)
    nothing = np.zeros((1, 0), np.int64)
    one, _ = decode.Cache.full(analogy.session("decoder"), analogy.task, features(FRAMES), nothing)
    cache = one.rows_after(1, 20)
    with pytest.raises(ValueError, match="15 tokens, where the decoder knows 14"):
        cache.run(features(12), nothing)
    with pytest.raises(ValueError, match="4 tokens, where there is room for 3"):
        one.rows_after(1, 3).run(features(4), nothing)
    with pytest.raises(ValueError, match="one that is full, and goes on from nothing itself"):
        cache.rows_after(2, 3)


# --- the decoder in smaller numbers ---


@pytest.fixture
def several(tmp_path: Path) -> Pack:
    return Pack.open(make_analogy_pack(tmp_path / "several", smaller=["int8", "int4", "fp16"]))


def test_what_ships_says_nothing_of_smaller_graphs_and_is_written_as_it_was() -> None:
    pack = Pack.open(shipped_folder(), ships=True)
    assert pack.manifest.to_bytes() == pack.manifest_bytes and not pack.analogy.smaller


def test_the_smaller_decoder_serves_on_a_cpu_unless_another_is_asked_for(
    several: Pack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(pack: Pack, **asked: Any) -> str:
        return Analogy(pack, **THREADS, **asked).session("decoder").graph.name

    assert named(several) == "analogy-decoder-int8" and named(Pack.open(folder)) == "analogy-decoder"
    assert [named(several, precision=each) for each in ("fp32", "int4", "fp16")] == [
        "analogy-decoder",
        "analogy-decoder-int4",
        "analogy-decoder-fp16",
    ]
    monkeypatch.setenv("FOLEY_BRIDGE_PRECISION", "fp32")
    assert named(several) == "analogy-decoder" and named(several, precision="int8") == "analogy-decoder-int8"
    monkeypatch.setenv("FOLEY_BRIDGE_PRECISION", "int4")
    with pytest.raises(PackError, match="has no graph of int4") as told:
        Analogy(Pack.open(folder), **THREADS)
    assert "fp32" in told.value.hint
    monkeypatch.setenv("FOLEY_BRIDGE_PRECISION", "fp64")
    with pytest.raises(PackError, match="no precision 'fp64'"):
        Analogy(several, **THREADS)


@pytest.mark.parametrize("precision", ["int8", "int4", "fp16"])
def test_a_smaller_decoder_is_as_near_as_its_manifest_says_and_no_row_knows_of_another(several: Pack, precision: str) -> None:
    analogy = Analogy(several, **THREADS, precision=precision)
    analogy.prove()
    golden = analogy.golden()
    apart = np.abs(analogy.retrace(golden) - golden["decoder_out"]).max()
    assert 0 < apart <= analogy.within("decoder") == analogy.graph("decoder").parity.tolerance
    prefix = Prefix(features(FRAMES, 1), features(FRAMES, 2), numbered())
    pinned, _ = decode.Cache.full(analogy.session("decoder"), analogy.task, *decode.before(analogy.task, prefix, 0))
    codes = np.random.default_rng(6).integers(0, ENTRIES, (8, 2))

    def stepped(rows: int) -> Any:
        cache = pinned.rows_after(rows, 2)
        nothing = np.zeros((rows, 0, FEATURES), np.float32)
        return np.stack([cache.run(nothing, codes[:rows, at : at + 1]) for at in range(2)])

    whole = stepped(8)
    assert all(np.array_equal(stepped(rows), whole[:, :rows]) for rows in range(2, 8))
    np.testing.assert_allclose(stepped(1), whole[:, :1], atol=1e-2)


@pytest.mark.parametrize("condition", ["all", "sound", "none"])
def test_what_stands_before_a_window_is_run_once_and_is_what_a_run_of_all_of_it_gives(tmp_path: Path, condition: str) -> None:
    analogy = Analogy(Pack.open(make_analogy_pack(tmp_path / "pack", task=small_task(condition))), **THREADS)
    session, runs = analogy.session("decoder"), list[int]()

    class Counted:
        """The session, and how many tokens each run of it had; stopped once it had so many."""

        buffer, most = session.buffer, 1000

        def run_in_place(self, given: Any, places: Any) -> Any:
            if len(runs) == self.most:
                raise KeyboardInterrupt
            runs.append(given["features"].shape[1] + given["codes"].shape[1])
            return session.run_in_place(given, places)

    def steps(cache: decode.Cache, rows: int) -> Any:
        nothing, code = np.zeros((rows, 0, FEATURES), np.float32), np.arange(rows)[:, None]
        return np.stack([cache.run(nothing, code) for _ in range(2)])

    counted, example = Counted(), Prefix(features(FRAMES, 1), features(0, 0), numbered())
    pinned, windows = decode.Pinned(counted, analogy.task, example), [features(FRAMES, seed) for seed in (2, 3, 4)]
    for own in (windows[0], windows[0].copy(), windows[1], windows[0]):
        cache, logits = pinned.before(own)
        fresh, wanted = decode.Cache.full(
            session, analogy.task, *decode.before(analogy.task, replace(example, features=own), 0)
        )
        np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-5)
        assert cache.tokens == fresh.tokens
        made, plain = (steps(each.rows_after(2, 2), 2) for each in (cache, fresh))
        np.testing.assert_allclose(made, plain, rtol=1e-4, atol=1e-5)
        runs[:] = [each for each in runs if each > 1]  # without those steps
    whole, of_example = fresh.tokens, FRAMES if condition == "all" else 0
    assert runs == [whole, whole - of_example, whole - of_example]
    counted.most = len(runs)
    with pytest.raises(KeyboardInterrupt):
        pinned.before(windows[2])
    again, same = pinned.before(windows[0])
    assert again is cache and np.array_equal(same, logits), "what was there before is there when a run was stopped"


def test_a_smaller_decoder_that_is_farther_off_than_it_says_is_refused(several: Pack) -> None:
    say_nearer(several.folder, "analogy-decoder-int8")
    with pytest.raises(PackError, match=r"analogy-decoder_int8\.onnx: what it computes is"):
        Analogy(Pack.open(several.folder), **THREADS).prove()


def test_a_mel_in_eight_bits_is_to_judge_by_and_proven_as_far_as_its_manifest_says(tmp_path: Path) -> None:
    pack = Pack.open(make_analogy_pack(tmp_path / "pack", int8_mel=True))
    analogy, plain = Analogy(pack, **THREADS), Analogy(pack, **THREADS, precision="fp32")
    analogy.prove()
    codes = np.random.default_rng(7).integers(0, ENTRIES, (3, COLUMNS, ROWS))
    assert (analogy.judging, plain.judging) == ("mel_int8", "mel")
    assert np.array_equal(analogy.magnitudes(codes), plain.magnitudes(codes)), "sound is as in fp32"
    assert np.array_equal(plain.magnitudes(codes, plain.judging), plain.magnitudes(codes))
    assert 0 < np.abs(analogy.magnitudes(codes, analogy.judging) - plain.magnitudes(codes)).max() <= analogy.within("mel_int8")
    say_nearer(pack.folder, "analogy-mel-int8")
    with pytest.raises(PackError, match=r"analogy-mel_int8\.onnx: it does not run"):
        Analogy(Pack.open(pack.folder), **THREADS).prove()


# --- among other packs ---


def test_a_pack_may_serve_both_tasks_and_each_is_served_by_its_own(tmp_path: Path) -> None:
    both = make_pack(tmp_path / "both", name="both")
    sounding = make_analogy_pack(tmp_path / "sounding")
    one, other = read_manifest(both), read_manifest(sounding)
    for path in sounding.iterdir():
        if path.name != "pack.json":
            path.rename(both / path.name)
    write_manifest(both, {**one, "graphs": one["graphs"] | other["graphs"], "tasks": one["tasks"] | other["tasks"]})
    installed = Installed(tmp_path / "home", shipped=tmp_path / "none")
    assert installed.add(both).serves == ("recommendation", "analogy")
    installed.add(make_pack(tmp_path / "pictures"))
    installed.use("tiny", "recommendation")
    by_task = {one.task: one for one in serving(installed)}
    assert (by_task["recommendation"].pack, by_task["analogy"].pack) == ("tiny@1", "both@1")
    assert by_task["analogy"].space is None and by_task["recommendation"].space == Pack.open(tmp_path / "pictures").space
    assert [runs.graph for runs in by_task["analogy"].graphs] == list(other["graphs"])


def test_a_pack_that_computes_something_else_is_not_added(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "analogy-golden.npz") as file:
        np.savez(folder / "analogy-golden.npz", **{**file, "mel_out": file["mel_out"] + np.float32(0.1)})
    write_manifest(folder, read_manifest(folder))
    installed = Installed(tmp_path / "home", shipped=tmp_path / "none")
    with pytest.raises(PackError, match="analogy-mel"):
        installed.add(folder)
    assert installed.packs() == []


def test_the_command_line_shows_what_a_pack_of_this_task_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOLEY_BRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLEY_BRIDGE_PROVIDERS", "cpu")
    assert main(["packs", "add", str(folder)]) == 0
    capsys.readouterr()
    assert main(["packs", "list"]) == 0
    assert "analogy: sounding@1: analogy-picture and analogy-codes and" in capsys.readouterr().out
    assert main(["packs", "show", "sounding"]) == 0
    shown = capsys.readouterr().out
    assert "2 x 2 of 16 codes" in shown and "3 offsets from -0.1 to +0.1 s" in shown and "space" not in shown
