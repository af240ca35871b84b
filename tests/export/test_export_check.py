"""A pack is proved again without PyTorch, and what does not hold is told by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from foley_export.bench import bench
from foley_export.check import Finding, check
from onnx import helper, numpy_helper
from packs import make_pack, read_manifest, write_manifest

WITHOUT = ("torch", "onnx", "foley_models", "onnxscript")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "tiny")


def broken(found: list[Finding]) -> list[str]:
    return [each.claim for each in found if not each.holds]


def with_graph(pack: Path, name: str, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change a graph, and let the manifest say that this is how it has to be."""
    model = onnx.load(pack / f"{name}.onnx")
    change(model)
    (pack / f"{name}.onnx").write_bytes(model.SerializeToString())
    write_manifest(pack, read_manifest(pack))


def ends_with(model: onnx.ModelProto, *nodes: onnx.NodeProto) -> None:
    """Put nodes between what gives the embedding, as ``plain``, and the output."""
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.extend(nodes)


def test_a_pack_is_proved_where_there_is_no_pytorch(pack: Path) -> None:
    code = f"import sys\nfor name in {WITHOUT}: sys.modules[name] = None\nfrom foley_export.cli import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(pack), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["holds"] and len(said["findings"]) == 12


def test_a_changed_byte_is_found(pack: Path) -> None:
    data = bytearray((pack / "sound.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (pack / "sound.onnx").write_bytes(data)
    found = check(pack)
    assert broken(found) == ["files, hashes and graphs are as the manifest says"] and "sound.onnx" in found[0].seen


def test_a_golden_output_that_the_graph_does_not_give_is_found(pack: Path) -> None:
    with np.load(pack / "golden.npz") as file:
        golden = dict(file)
    golden["picture_out"][1] = golden["picture_out"][1][::-1]
    np.savez(pack / "golden.npz", **golden)
    write_manifest(pack, read_manifest(pack))
    assert [claim.partition(" on ")[0] for claim in broken(check(pack))] == ["picture: gives the golden output"]


def test_a_graph_that_lets_a_batch_see_itself_is_found(pack: Path) -> None:
    def mixed(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first"))
        model.graph.initializer.append(numpy_helper.from_array(np.array(0.01, np.float32), "little"))
        ends_with(
            model,
            helper.make_node("ReduceMean", ["plain", "first"], ["mean"], keepdims=1),
            helper.make_node("Mul", ["mean", "little"], ["some"]),
            helper.make_node("Sub", ["plain", "some"], ["embedding"]),
        )

    with_graph(pack, "sound", mixed)
    assert "sound: batches of 1, 2, 7 give each input its own output" in broken(check(pack))


def test_an_embedding_of_another_length_is_found(pack: Path) -> None:
    def longer(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array(1.01, np.float32), "more"))
        ends_with(model, helper.make_node("Mul", ["plain", "more"], ["embedding"]))

    with_graph(pack, "picture", longer)
    assert "picture: embeddings have length 1" in broken(check(pack))


def test_a_graph_that_draws_lots_is_found(pack: Path) -> None:
    def drawn(model: onnx.ModelProto) -> None:
        ends_with(
            model,
            helper.make_node("RandomNormalLike", ["plain"], ["lots"], scale=1e-6),
            helper.make_node("Add", ["plain", "lots"], ["embedding"]),
        )

    with_graph(pack, "picture", drawn)
    assert broken(check(pack)) == ["picture: gives the same numbers every time"]


def test_a_golden_file_of_other_shapes_is_found(pack: Path) -> None:
    np.savez(pack / "golden.npz", picture_in=np.zeros((1, 3), np.float32))
    write_manifest(pack, read_manifest(pack))
    assert broken(check(pack)) == ["recommendation: the golden file has inputs and outputs of the task's shapes"]


def test_a_pack_is_timed_against_another_and_says_where_it_ran(pack: Path, tmp_path: Path) -> None:
    other = make_pack(tmp_path / "other", name="other", seed=1)
    found = bench(pack, other, threads=1, rounds=5)
    assert (found.pack, found.against) == ("tiny@1", "other@1")
    assert found.bytes == sum(path.stat().st_size for path in pack.iterdir() if path.name != "pack.json")
    for role in ("picture", "sound"):
        timed = found.graphs[role]
        assert set(timed.ms) == {1, 16} and all(ms > 0 for ms in timed.ms.values())
        assert timed.ratio is not None and all(ratio > 0 for ratio in timed.ratio.values())
        assert timed.runs.providers[-1] == "CPUExecutionProvider"
    assert bench(pack, threads=1, rounds=5).graphs["sound"].ratio is None


def test_a_graph_that_does_not_run_here_is_told(pack: Path) -> None:
    def unknown(model: onnx.ModelProto) -> None:
        ends_with(model, helper.make_node("NoSuchOperator", ["plain"], ["embedding"], domain="com.microsoft"))
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with_graph(pack, "sound", unknown)
    found = check(pack)
    assert broken(found) == ["all graphs run here"] and "sound.onnx" in found[-1].seen
    assert found[0].holds and "picture: embeddings have length 1" in [each.claim for each in found]
