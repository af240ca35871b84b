"""A pack of Foley by analogy is proved again and timed without PyTorch, and what does not hold is told by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from analogy_packs import make_analogy_pack
from foley_export.bench import bench
from foley_export.check import check
from foley_export.finding import Finding
from onnx import helper, numpy_helper
from packs import read_manifest, write_manifest

WITHOUT = ("torch", "onnx", "foley_models", "onnxscript")


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLEY_BRIDGE_PROVIDERS", "cpu")
    return make_analogy_pack(tmp_path / "pack")


def broken(found: list[Finding]) -> list[str]:
    return [each.claim.partition(" on ")[0] for each in found if not each.holds]


def with_golden(pack: Path, **changes: np.ndarray) -> None:
    with np.load(pack / "analogy-golden.npz") as file:
        golden = {**file, **changes}
    np.savez(pack / "analogy-golden.npz", **golden)
    write_manifest(pack, read_manifest(pack))


def test_a_pack_is_proved_where_there_is_no_pytorch(pack: Path) -> None:
    code = f"import sys\nfor name in {WITHOUT}: sys.modules[name] = None\nfrom foley_export.cli import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(pack), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    claims = [each["claim"] for each in json.loads(done.stdout)["findings"]]
    for role in ("picture", "codes", "mel", "vocoder", "sync", "onset", "decoder"):
        assert any(claim.startswith(f"analogy-{role}: gives the golden") for claim in claims), role
    assert "analogy-decoder: logits are the same whatever other rows hold" in claims


def test_golden_outputs_that_graphs_do_not_give_are_found(pack: Path) -> None:
    with np.load(pack / "analogy-golden.npz") as file:
        codes, onsets = file["decoder_codes"], file["onset_out"]
    with_golden(pack, decoder_codes=(codes + 1) % 16, onset_out=onsets + np.float32(0.01))
    found = broken(check(pack))
    assert "analogy-decoder: gives the golden logits along the golden codes" in found
    assert "analogy-decoder: the same draws give the same codes, or logits are so near that either may be" in found
    assert "analogy-onset: gives the golden output" in found and not any("mel" in claim for claim in found)


@pytest.mark.parametrize(
    ("role", "output", "claim"),
    [
        ("vocoder", "wave", "batches of 1, 2, 7 give each input its own output"),
        ("decoder", "logits", "logits are the same whatever other rows hold"),
    ],
)
def test_a_graph_that_lets_takes_see_each_other_is_found(pack: Path, role: str, output: str, claim: str) -> None:
    model = onnx.load(pack / f"analogy-{role}.onnx")
    model.graph.node[-1].output[0] = "plain"
    model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "first"))
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["plain", "first"], ["mean"], keepdims=1),
            helper.make_node("Sub", ["plain", "mean"], ["apart"]),
            helper.make_node("Add", ["apart", "plain"], [output]),
        ]
    )
    (pack / f"analogy-{role}.onnx").write_bytes(model.SerializeToString())
    write_manifest(pack, read_manifest(pack))
    assert f"analogy-{role}: {claim}" in broken(check(pack))


def test_each_graph_is_timed_and_the_decoder_by_prefix_and_code(pack: Path) -> None:
    found = bench(pack, threads=1, rounds=2)
    assert set(found.graphs["analogy-decoder, code"].ms) == {1, 8} and set(found.graphs["analogy-decoder, prefix"].ms) == {1}
    assert set(found.graphs) >= {f"analogy-{role}" for role in ("picture", "codes", "mel", "vocoder", "sync", "onset")}
    assert all(ms > 0 for each in found.graphs.values() for ms in each.ms.values())
