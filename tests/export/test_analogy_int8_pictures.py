"""The picture network with convolutions in eight bits: what it shows leads to nearly the same codes, or it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_export.analogy import graphs, losses, shown  # noqa: E402
from foley_export.analogy.export import Wanted, export, task_of  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from foley_export.precision import quantised  # noqa: E402
from foley_export.running import OnCpu  # noqa: E402
from small_analogy import small_parts  # noqa: E402

from foley_bridge.inference.analogy import Analogy  # noqa: E402
from foley_bridge.inference.analogy_task import FEATURES, PICTURES  # noqa: E402
from foley_bridge.inference.decode import Prefix  # noqa: E402
from foley_bridge.inference.pack import Pack  # noqa: E402


@pytest.mark.parametrize("batch_statistics", [False, True], ids=["frozen", "call"])
def test_its_features_lead_to_nearly_the_same_codes_and_wrong_ones_are_refused(batch_statistics: bool) -> None:
    torch.set_num_threads(1)
    parts = small_parts(batch_statistics=batch_statistics)
    task, random = task_of(parts), np.random.default_rng(4)
    module = graphs.Features(parts.model)
    clips = random.normal(size=(4, 3, task.picture.frames, 56, 56)).astype(np.float32)
    plain = graphs.graph(task, "picture", module)
    small = quantised(plain, clips[2:], at_once=1)
    types = [node.op_type for node in small.graph.node]
    assert types.count("QuantizeLinear") >= types.count("Conv") > 0
    with torch.no_grad():
        codes = torch.from_numpy(random.integers(0, task.entries, (1, task.rows * task.columns))).numpy()
        true = Prefix(*(module(torch.from_numpy(each[None])).numpy() for each in clips[:2]), codes)
    seen = [OnCpu(small, 1).run({PICTURES: each[None]})[FEATURES] for each in clips[:2]]
    drawn = shown.draws(2, task.rows * task.columns)
    found = losses.of_pictures("small", task, parts.model, (true, Prefix(*seen, codes)), drawn, losses.MOST_OF_PICTURES)
    assert found.moved is not None and 0 < found.moved < 0.02 and 0 < found.worst <= found.tolerance
    wrong = true, Prefix(seen[1], -seen[0], codes)
    with pytest.raises(ExportError, match="of the probability lies on other codes"):
        losses.of_pictures("small", task, parts.model, wrong, drawn, 2 * found.moved)


@pytest.mark.nightly
def test_a_pack_has_it_where_it_is_asked_for_and_looks_with_it(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    parts = replace(small_parts(), vocoder=None, sync=None, onset=None)
    export(parts, tmp_path / "pack", Wanted(data="stage:3", cache=tmp_path / "films", smaller=(), int8_pictures=True))
    pack = Pack.open(tmp_path / "pack")
    analogy, plain = (Analogy(pack, threads=1, providers="cpu", precision=each) for each in (None, "fp32"))
    analogy.prove()
    assert (analogy.graph("picture").name, analogy.graph("picture").precision) == ("analogy-picture-int8", "int8")
    assert plain.graph("picture").precision == "fp32"
    types = [node.op_type for node in onnx.load(analogy.graph("picture").path).graph.node]
    assert types.count("QuantizeLinear") >= types.count("Conv") > 0
