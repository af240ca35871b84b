"""A checkpoint becomes a pack that the runtime loads and that says the truth, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from conftest import PAIRS, STEPS, Trained  # noqa: E402
from foley_export import cli, held_out  # noqa: E402
from foley_export.check import check  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_export.recommendation import Wanted, export  # noqa: E402
from foley_models.recommendation import checkpoint  # noqa: E402
from small_networks import small_network  # noqa: E402

from foley_bridge.inference import features  # noqa: E402
from foley_bridge.inference.encoders import Encoders  # noqa: E402
from foley_bridge.inference.pack import Pack  # noqa: E402


def wanted(trained: Trained, precision: str = "fp32") -> Wanted:
    return Wanted(name="small", version="2.1", licence="CC0-1.0", precision=precision, cache=trained.cache, pairs=PAIRS)


@pytest.fixture(scope="session")
def pack(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "fp32"
    export(trained.path, folder, wanted(trained))
    return folder


def assert_every_claim_holds(folder: Path, precision: str) -> None:
    found = check(folder)
    assert len(found) == 12 and all(each.holds for each in found), found
    assert {graph.precision for graph in Pack.open(folder).manifest.graphs.values()} == {precision}


def test_every_claim_of_a_written_pack_holds(pack: Path) -> None:
    assert_every_claim_holds(pack, "fp32")


def test_the_runtimes_embeddings_are_those_of_the_checkpoint(pack: Path, trained: Trained) -> None:
    encoders, network = Encoders(Pack.open(pack)), checkpoint.load(trained.path).network
    random = np.random.default_rng(1)
    images = [random.integers(0, 256, (90, 160, 3), np.uint8), np.full((300, 300, 3), 90, np.uint8)]
    samples = random.normal(scale=0.1, size=96000).astype(np.float32)
    with torch.inference_mode():
        pictures = network.picture(torch.from_numpy(np.stack([features.picture(image) for image in images]))).numpy()
        sounds = network.sound(torch.from_numpy(features.log_mel(samples.reshape(2, 48000)))).numpy()
    assert np.abs(encoders.embed_pictures(images) - pictures).max() < 1e-4
    starts, embedded = encoders.embed_sounds(samples, 48000)
    assert starts.tolist() == [0, 1] and np.abs(embedded - sounds).max() < 1e-4


def test_calibration_and_scores_are_those_of_the_held_out_pairs(pack: Path, trained: Trained) -> None:
    pairs, network = held_out.pairs_of("stage", "test", PAIRS, cache=trained.cache), checkpoint.load(trained.path).network
    with torch.inference_mode():
        v, a = (each.numpy() for each in network(torch.from_numpy(pairs.pictures), torch.from_numpy(pairs.sounds)))
    apart = np.array([[np.linalg.norm(one - other) for other in a] for one in v])
    strangers = [apart[i, j] for i in range(PAIRS) for j in range(PAIRS) if pairs.labels[i] != pairs.labels[j]]
    in_top = np.mean([np.sum(apart[i] < apart[i, i]) < 10 for i in range(PAIRS)])
    manifest = Pack.open(pack).manifest
    calibration = manifest.tasks["recommendation"].calibration
    assert calibration.near == pytest.approx(np.median(np.diagonal(apart)), abs=1e-4)
    assert calibration.far == pytest.approx(np.median(strangers), abs=1e-4)
    assert manifest.provenance["held_out"] == {"data": "stage", "split": "test", "pairs": PAIRS, "top_10": in_top}


def test_the_manifest_says_where_the_pack_comes_from(pack: Path, trained: Trained) -> None:
    manifest = Pack.open(pack).manifest
    assert (manifest.name, manifest.version, manifest.licence) == ("small", "2.1", "CC0-1.0")
    said = manifest.provenance
    assert (said["seed"], said["steps"], said["trained_on"], said["command"]) == (0, STEPS, "stage", "of a test")
    assert said["checkpoint_sha256"] == hashlib.sha256(trained.path.read_bytes()).hexdigest()
    assert said["system"]["name"] == "attention-infonce" and said["exported_with"]["torch"] == torch.__version__
    for graph in manifest.graphs.values():
        assert 0 < graph.parity.typical <= graph.parity.worst <= 1e-4 and graph.parity.inputs > PAIRS


def assert_says_what_it_loses(small: Path, fp32: Path) -> None:
    said = Pack.open(small).manifest.provenance["held_out"]
    assert said["top_10_fp32"] == Pack.open(fp32).manifest.provenance["held_out"]["top_10"]
    assert said["lost"] == pytest.approx(said["top_10_fp32"] - said["top_10"])
    assert 0.5 < said["in_common"] <= 1


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_smaller_pack_says_what_it_loses_in_top_10(precision: str, pack: Path, trained: Trained, tmp_path: Path) -> None:
    export(trained.path, tmp_path / precision, wanted(trained, precision))
    assert_every_claim_holds(tmp_path / precision, precision)
    assert_says_what_it_loses(tmp_path / precision, pack)


@pytest.mark.nightly
def test_the_same_checkpoint_gives_the_same_files(pack: Path, trained: Trained, tmp_path: Path) -> None:
    export(trained.path, tmp_path / "again", wanted(trained))
    for path in pack.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_network_that_tells_nothing_apart_is_refused_and_leaves_nothing(trained: Trained, tmp_path: Path) -> None:
    untrained = small_network(seed=3)
    torch.nn.init.zeros_(untrained.sound.out.weight)  # every sound is in one place
    checkpoint.save(tmp_path / "best.pt", untrained, trained={"data": "stage"})
    with pytest.raises(ExportError, match="does not tell pairs from strangers"):
        export(tmp_path / "best.pt", tmp_path / "pack", wanted(trained))
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def test_a_pack_that_is_there_is_not_touched(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "mine").write_text("mine")
    assert cli.main(["recommendation", str(trained.path), "--out", str(tmp_path / "pack")]) == 2
    assert [path.name for path in (tmp_path / "pack").iterdir()] == ["mine"]


def test_a_killed_export_leaves_no_pack(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from foley_export.whole_folder import whole_folder\n"
        "with whole_folder(Path(sys.argv[1])) as folder:\n    (folder / 'picture.onnx').write_bytes(b'half'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "pack")], check=False)
    assert done.returncode == 9 and not (tmp_path / "pack").exists()


def test_a_checkpoint_that_does_not_name_its_data_asks_for_some(
    network: torch.nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint.save(tmp_path / "best.pt", network, trained={})
    assert cli.main(["recommendation", str(tmp_path / "best.pt"), "--out", str(tmp_path / "pack"), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "does not say what it was trained on" in error["message"] and "--calibrate" in error["hint"]


def test_what_is_no_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "best.pt").write_bytes(b"nothing")
    assert cli.main(["recommendation", str(tmp_path / "best.pt"), "--out", str(tmp_path / "pack")]) == 2
    assert "best.pt is no checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()


def test_a_network_of_other_features_than_the_data_has_is_refused(
    network: torch.nn.Module, trained: Trained, tmp_path: Path
) -> None:
    other = features.SoundFeatures(low_hz=50.0)
    checkpoint.save(tmp_path / "best.pt", network, trained={"data": "stage"}, sound=other)
    with pytest.raises(ExportError, match="stage has other features"):
        export(tmp_path / "best.pt", tmp_path / "pack", wanted(trained))
