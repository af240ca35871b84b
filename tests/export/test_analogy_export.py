"""Networks of Foley by analogy become a pack that computes and draws what they do, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_export import cli  # noqa: E402
from foley_export.analogy import losses, proof  # noqa: E402
from foley_export.analogy.export import Wanted, export, task_of  # noqa: E402
from foley_export.analogy.parts import Parts, of_runs  # noqa: E402
from foley_export.analogy.tracing import traced  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_models.analogy import checkpoint  # noqa: E402
from foley_models.analogy.decoder.sampling import Windows  # noqa: E402
from foley_models.analogy.decoder.sampling import pick as torch_pick  # noqa: E402
from small_analogy import small_parts  # noqa: E402

from foley_bridge.inference import decode  # noqa: E402
from foley_bridge.inference.analogy import Analogy  # noqa: E402
from foley_bridge.inference.clips import magnitudes  # noqa: E402
from foley_bridge.inference.decode import Prefix  # noqa: E402
from foley_bridge.inference.pack import Pack  # noqa: E402

DATA = "stage:3"


@dataclass(frozen=True)
class Exported:
    """Networks, the pack made of them, and the reference graph beside it."""

    parts: Parts
    folder: Path
    reference: Path

    @property
    def analogy(self) -> Analogy:
        return Analogy(Pack.open(self.folder), threads=1, providers="cpu", precision="fp32")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


def exported(parts: Parts, folder: Path, films: Path) -> Exported:
    torch.set_num_threads(1)
    reference = folder / "reference.onnx"
    export(parts, folder / "pack", Wanted(data=DATA, cache=films, reference=reference))
    return Exported(parts, folder / "pack", reference)


@pytest.fixture(scope="session")
def made(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Without those that may be left out, whose graphs take long to export."""
    return exported(replace(small_parts(), vocoder=None, sync=None, onset=None), tmp_path_factory.mktemp("made"), films)


def looked(call: Any, *arrays: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return call(*map(torch.from_numpy, arrays)).numpy()


def test_the_runtime_sees_hears_and_sounds_as_pytorch_does(made: Exported) -> None:
    random, analogy, parts = np.random.default_rng(9), made.analogy, made.parts
    pictures = random.normal(size=(2, 3, 13, 56, 56)).astype(np.float32)
    mels = random.uniform(-1, 1, (3, 1, 80, 160)).astype(np.float32)
    codes = random.integers(0, 32, (2, 7, 5))
    assert np.abs(analogy.features(pictures) - looked(parts.model.features, pictures)).max() < 1e-4
    heard = looked(parts.codebook.encode, mels)
    assert (analogy.codes(mels).reshape(3, 50) == heard).mean() > 0.99 and len(np.unique(heard)) > 3
    mel = looked(parts.codebook.decode, codes.reshape(2, 35))
    assert np.abs(analogy.magnitudes(codes) - magnitudes(mel)[:, 0]).max() < 1e-4


def test_the_same_draws_give_the_codes_that_pytorch_draws(made: Exported) -> None:
    random, analogy = np.random.default_rng(8), made.analogy
    for columns in (10, 14):
        features = [random.normal(size=(1, count, 8)).astype(np.float32) for count in (30, 45)]
        prefix = Prefix(features[0], features[1], random.integers(0, 32, (1, 50)))
        drawn = random.random((3, 5 * columns))
        expected = proof.generated(analogy.task, made.parts.model, prefix, drawn)
        assert analogy.generate(prefix, drawn).reshape(3, -1).tolist() == expected.tolist()
        assert len(np.unique(expected)) > 8


def test_the_manifest_says_what_was_proved_and_how_sound_is_made(made: Exported) -> None:
    manifest = Pack.open(made.folder).manifest
    task = manifest.analogy
    assert task is not None and (task.wave, task.offsets_s, task.origin) == ("griffin-lim", (), "runs")
    assert (task.entries, task.rows, task.columns, task.top_k, task.statistics) == (32, 5, 10, 16, "frozen")
    plain = {name: graph for name, graph in manifest.graphs.items() if graph.precision == "fp32"}
    assert all(0 <= graph.parity.worst <= 1e-4 and graph.parity.moved is None for graph in plain.values())
    assert set(manifest.graphs) - set(plain) == {"analogy-decoder-int8"}, "beside fp32, where nothing else is asked for"
    whole, long = manifest.provenance["sequences"]
    assert (whole["takes"], whole["codes"], long["codes"]) == (3, 150, 65)
    assert whole["same"] == whole["takes"] or whole["margin"] < 1e-4
    assert manifest.graphs["analogy-decoder"].opset == 20


def test_graphs_tell_nothing_of_where_they_were_made(made: Exported) -> None:
    for path in made.folder.glob("*.onnx"):
        assert b".py" not in path.read_bytes() and b"site-packages" not in path.read_bytes()


def test_the_decoder_is_a_graph_of_standard_operators_alone_and_the_reference_has_onnxs_attention(made: Exported) -> None:
    cached, reference = onnx.load(made.folder / "analogy-decoder.onnx"), onnx.load(made.reference)
    assert {node.domain for node in cached.graph.node} <= {"", "ai.onnx"}
    assert sum(node.op_type == "ScatterND" for node in cached.graph.node) == 4, "of two layers keys and values"
    numbers = sum(int(np.prod(tensor.dims)) for tensor in cached.graph.initializer)
    assert numbers <= sum(each.numel() for each in made.parts.model.decoder.parameters()), "and no weight is there twice"
    assert {node.domain for node in reference.graph.node} <= {"", "ai.onnx"}
    assert [each.version for each in reference.opset_import if not each.domain] == [23]
    assert sum(node.op_type == "Attention" for node in reference.graph.node) == 2


def test_a_decoder_of_other_weights_is_not_taken_for_the_same(made: Exported) -> None:
    other = small_parts()
    with torch.no_grad():
        other.model.decoder.head.weight.add_(0.01 * torch.randn_like(other.model.decoder.head.weight))
    random = np.random.default_rng(1)
    features = random.normal(size=(1, 30, 8)).astype(np.float32)
    given = [(Prefix(features, features, random.integers(0, 32, (1, 50))), random.integers(0, 32, (2, 50)))]
    session = made.analogy.session("decoder")
    assert proof.prove_decoder("decoder", session, made.analogy.task, made.parts.model, given).worst < 1e-4
    with pytest.raises(ExportError, match=r"decoder: the graph is .* from PyTorch"):
        proof.prove_decoder("decoder", session, made.analogy.task, other.model, given)


def test_the_manifest_says_what_eight_bits_lose_and_more_than_that_is_refused(made: Exported) -> None:
    pack, task = Pack.open(made.folder), made.analogy.task
    said = pack.manifest.graphs["analogy-decoder-int8"].parity
    assert 1e-4 < said.worst <= said.tolerance and said.moved is not None and said.agreement is not None
    assert 0 < said.moved <= 0.02 and 0.8 < said.agreement <= 1
    random = np.random.default_rng(6)
    features = [random.normal(size=(1, 30, 8)).astype(np.float32) for _ in range(2)]
    prefix, drawn = Prefix(features[0], features[1], random.integers(0, 32, (1, 50))), random.random((4, 50))
    session = Analogy(pack, threads=1, providers="cpu", precision="int8").session("decoder")
    given = ("decoder_int8", session, task, made.parts.model, prefix, drawn)
    found = losses.of_decoder(*given, losses.Lost(2.0, 0.02))
    assert found.moved is not None and 0 < found.moved < 0.02 and found.inputs == 200
    with pytest.raises(ExportError, match="of the probability lies on other codes"):
        losses.of_decoder(*given, losses.Lost(2.0, found.moved / 2))
    with pytest.raises(ExportError, match="its logits are"):
        losses.of_decoder(*given, losses.Lost(found.worst / 2, 0.02))


def test_a_graph_with_an_axis_baked_in_is_refused() -> None:
    class Two(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(2, 12)

    ends = ([("x", "float32", ("batch", 3, 4))], [("y", "float32", ("batch", 12))])
    with pytest.raises(ExportError, match="an axis is not free"):
        traced(Two().eval(), "two", [torch.zeros(2, 3, 4)], ends, 18)


def test_codes_are_picked_as_in_training() -> None:
    random = np.random.default_rng(0)
    logits = np.round(random.normal(size=(200, 20)), 1).astype(np.float32)  # with many that are exactly as likely
    drawn = np.concatenate([random.random(198), [0.0, 1 - 1e-16]])
    for top_k, temperature in ((1, 1.0), (7, 1.0), (20, 0.7), (50, 2.0)):
        expected = torch_pick(torch.from_numpy(logits), torch.from_numpy(drawn), top_k, temperature)
        assert decode.pick(logits, drawn, top_k, temperature).tolist() == expected.tolist()


@pytest.mark.parametrize("slide", ["half", "last"])
def test_windows_lie_as_in_training(slide: str) -> None:
    task = replace(task_of(small_parts()), slide=slide)
    windows = Windows(slide, task.pictures_per_column)
    for columns in (10, 11, 30):
        for column in range(columns):
            start = windows.start(column, columns, 10)
            assert decode.start(task, column, columns) == start
            pictures = np.arange(90, dtype=np.float32).reshape(1, 90, 1)
            assert decode.shown(task, Prefix(None, pictures, None), start)[0, 0, 0] == windows.frame(start, 90, 30)


class _Learner(torch.nn.Module):
    def __init__(self, network: torch.nn.Module, config: Any) -> None:
        super().__init__()
        self.network, self.config = network, config


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    parts = small_parts()
    shown = {"picture": parts.picture, "sound": parts.sound}
    checkpoint.save(tmp_path / "codebook.pt", "codebook", _Learner(parts.codebook, parts.codebook.config), **shown, trained={})
    trained = {"runs": {"codebook": "0" * 64}}
    checkpoint.save(tmp_path / "decoder.pt", "decoder", _Learner(parts.model, parts.model.config), **shown, trained=trained)
    runs = {"decoder": tmp_path / "decoder.pt", "codebook": tmp_path / "codebook.pt"}
    with pytest.raises(ExportError, match="another codebook"):
        of_runs(runs)
    trained["runs"]["codebook"] = checkpoint.load(tmp_path / "codebook.pt", "codebook").sha256
    checkpoint.save(tmp_path / "decoder.pt", "decoder", _Learner(parts.model, parts.model.config), **shown, trained=trained)
    loaded = of_runs(runs)
    assert task_of(loaded).graphs.keys() == {"picture", "codes", "decoder", "mel"} and loaded.top_k == 16
    other = {**shown, "sound": replace(parts.sound, scale="htk")}
    checkpoint.save(tmp_path / "onset.pt", "onset", _Learner(parts.onset, parts.onset.config), **other, trained={})
    with pytest.raises(ExportError, match="mels of other settings"):
        of_runs({**runs, "onset": tmp_path / "onset.pt"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--decoder", "a", "--codebook", "b"], "--vocoder or --griffin-lim is wanted"),
        (["--decoder", "a", "--codebook", "b", "--vocoder", "c", "--griffin-lim"], "not both"),
        (["--decoder", "a", "--griffin-lim"], "--decoder and --codebook are wanted, or --published"),
        (["--published", "a", "--codebook", "b"], "--published or --codebook, not both"),
    ],
)
def test_what_cannot_be_asked_for_together_is_said(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["analogy", *arguments, "--out", str(tmp_path / "pack")]) == 2
    assert said in " ".join(capsys.readouterr().err.split()) and not (tmp_path / "pack").exists()


@pytest.mark.nightly
@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"batch_statistics": True, "sound_as": "vectors"},
        {"condition": "none"},
        {"condition": "sound"},
    ],
    ids=str,
)
def test_all_networks_of_all_kinds_become_packs_that_hold(kind: dict[str, Any], films: Path, tmp_path: Path) -> None:
    done = exported(small_parts(**kind), tmp_path, films)
    task = done.analogy.task
    assert set(task.roles) == {"picture", "codes", "decoder", "mel", "vocoder", "sync", "onset"}
    assert len(task.offsets_s) == 25 and task.statistics == ("call" if kind.get("batch_statistics") else "frozen")
    random = np.random.default_rng(2)
    wave = done.analogy.wave(random.normal(size=(2, 80, 33)).astype(np.float32))
    assert wave.shape == (2, 33 * 256)
