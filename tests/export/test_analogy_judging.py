"""The decoder of mels in eight bits: candidates are judged by it as by PyTorch's, or there is no such graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_export.analogy import graphs, losses  # noqa: E402
from foley_export.analogy.export import Wanted, export, task_of  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_export.precision import quantised  # noqa: E402
from foley_export.running import OnCpu  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from small_analogy import small_parts  # noqa: E402

from foley_bridge.inference.analogy import Analogy  # noqa: E402
from foley_bridge.inference.pack import Pack  # noqa: E402


def test_a_mel_in_eight_bits_judges_as_pytorch_does_and_one_that_does_not_is_refused() -> None:
    torch.set_num_threads(1)
    parts = small_parts()
    task, module, random = task_of(parts), graphs.Magnitudes(parts.codebook), np.random.default_rng(3)
    plain = graphs.graph(task, "mel", module)
    small = OnCpu(quantised(plain, random.integers(0, task.entries, (6, 10, 5)), at_once=1), 1)
    codes, heard = random.integers(0, 32, (12, 10, 5)), np.full((3, 1, 80, 160), -1, np.float32)
    for clip, frames in enumerate([[20, 90], [50], [10, 70, 130]]):
        heard[clip, 0, :, frames] = 0.5
    found = losses.of_judging("mel", small, task, module, codes, heard)
    assert found.agreement is not None and 0.8 <= found.agreement <= 1 and (found.inputs, found.moved) == (12, None)
    assert 1e-4 < found.worst <= found.tolerance
    together = small.run({"codes": codes})["magnitudes"]
    alone = [small.run({"codes": each[None]})["magnitudes"][0] for each in codes]
    assert np.array_equal(together, np.stack(alone)), "no clip knows of another"
    entries = next(each for each in plain.graph.initializer if each.name.endswith("embedding.weight"))
    entries.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(entries)[::-1].copy(), entries.name))
    with pytest.raises(ExportError, match="of pairs as PyTorch does"):
        losses.of_judging("mel", OnCpu(plain, 1), task, module, codes, heard)


@pytest.mark.nightly
def test_a_pack_has_it_where_it_is_asked_for_and_sounds_as_without(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    parts = replace(small_parts(), vocoder=None, sync=None, onset=None)
    export(parts, tmp_path / "pack", Wanted(data="stage:3", cache=tmp_path / "films", smaller=(), int8_mel=True))
    analogy = Analogy(Pack.open(tmp_path / "pack"), threads=1, providers="cpu")
    analogy.prove()
    assert analogy.judging == "mel_int8" and analogy.graph("mel").precision == "fp32"
    said = analogy.graph("mel_int8")
    assert (said.name, said.precision, said.parity.inputs) == ("analogy-mel-int8", "int8", 11)
    assert np.isin([node.op_type for node in onnx.load(said.path).graph.node], ["QuantizeLinear"]).any()
