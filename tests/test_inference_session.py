"""A graph runs on what really loads; what does not is left out with one line, and nothing else is printed."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import psutil
import pytest
from onnx import TensorProto, helper
from packs import make_pack, read_manifest, write_manifest

from foley_bridge.errors import PackError
from foley_bridge.inference import providers, session
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.inference.providers import CPU, ORDER
from foley_bridge.inference.session import Session, default_threads, tensorrt_options

CUDA_LISTED = ORDER["cuda"] in onnxruntime.get_available_providers()
needs_cuda_listed = pytest.mark.skipif(not CUDA_LISTED, reason="this ONNX Runtime was built without CUDA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "pack")


def given(count: int = 2) -> dict[str, Any]:
    return {"sound": np.random.default_rng(1).normal(size=(count, 1, 64, 100)).astype(np.float32)}


def in_a_process_of_its_own(code: str, *args: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """What lands on its standard streams, from whatever library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLEY_BRIDGE_PROVIDERS")}
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**kept, **environment})


def test_a_graph_gives_its_outputs_by_name(folder: Path) -> None:
    made = Session(Pack.open(folder).graph("sound"), providers="cpu").run(given(3))
    assert {name: array.shape for name, array in made.items()} == {"embedding": (3, 128)}


def test_weights_in_a_file_of_their_own_are_the_same_weights(folder: Path, tmp_path: Path) -> None:
    outside = Pack.open(make_pack(tmp_path / "outside", external=True)).graph("picture")
    inside = Pack.open(folder).graph("picture")
    pictures = {"picture": np.random.default_rng(2).normal(size=(2, 3, 224, 224)).astype(np.float32)}
    np.testing.assert_array_equal(
        Session(outside, providers="cpu").run(pictures)["embedding"],
        Session(inside, providers="cpu").run(pictures)["embedding"],
    )


@pytest.mark.parametrize("file", ["picture.onnx", "picture.bin"])
def test_what_was_changed_since_the_pack_was_opened_does_not_run(tmp_path: Path, file: str) -> None:
    folder = make_pack(tmp_path / "pack", external=True)
    graph = Pack.open(folder).graph("picture")
    data = bytearray((folder / file).read_bytes())
    data[-1] ^= 1
    (folder / file).write_bytes(data)
    with pytest.raises(PackError, match=f"{file}: its SHA-256"):
        Session(graph, providers="cpu")


def test_a_session_needs_its_files_no_more_once_it_is_made(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", external=True)
    made = Session(Pack.open(folder).graph("picture"), providers="cpu")
    for path in folder.iterdir():
        path.write_bytes(b"")
    assert made.run({"picture": np.ones((1, 3, 224, 224), np.float32)})["embedding"].shape == (1, 128)


def test_a_graph_that_onnx_runtime_cannot_load_is_said_by_file(folder: Path) -> None:
    node = helper.make_node("NoSuchOperator", ["sound"], ["embedding"])
    ends = [
        helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["batch", 1, 64, 100]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 128]),
    ]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "sound.onnx").write_bytes(model.SerializeToString())
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(PackError, match=r"sound\.onnx: it does not run on cpu: .*NoSuchOperator"):
        Session(Pack.open(folder).graph("sound"), providers="cpu")


def test_too_little_memory_is_not_blamed_on_the_pack(folder: Path) -> None:
    size = helper.make_tensor("size", TensorProto.INT64, [2], [1 << 40, 128])
    nodes = [
        helper.make_node("Constant", [], ["size"], value=size),
        helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
        helper.make_node("ReduceMean", ["sound"], ["mean"], keepdims=0),
        helper.make_node("Add", ["zeros", "mean"], ["embedding"]),
    ]
    ends = [
        helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["batch", 1, 64, 100]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 128]),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "sound.onnx").write_bytes(model.SerializeToString())
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(PackError, match=r"sound\.onnx: it does not run on cpu") as told:
        Session(Pack.open(folder).graph("sound"), providers="cpu").run(given())
    assert "too little memory" in told.value.hint


def test_input_that_does_not_fit_is_refused_and_the_next_runs(folder: Path) -> None:
    made = Session(Pack.open(folder).graph("sound"), providers="cpu")
    with pytest.raises(PackError, match=r"sound\.onnx: it does not run on cpu"):
        made.run({"sound": np.zeros((1, 1, 32, 100), np.float32)})
    assert made.run(given())["embedding"].shape == (2, 128)


def test_threads_share_a_session(folder: Path) -> None:
    made = Session(Pack.open(folder).graph("sound"), providers="cpu")
    inputs = [{"sound": np.random.default_rng(seed).normal(size=(2, 1, 64, 100)).astype(np.float32)} for seed in range(40)]
    wanted = [made.run(one)["embedding"].tobytes() for one in inputs]
    with ThreadPoolExecutor(8) as pool:
        assert [one["embedding"].tobytes() for one in pool.map(made.run, inputs)] == wanted


# --- providers ---


def test_where_it_runs_is_what_onnx_runtime_took_and_why_not_better_is_said(folder: Path) -> None:
    made = Session(Pack.open(folder).graph("sound"))
    best = providers.in_order()
    assert made.providers[0] == next(each.name for each in best if each.loads)
    assert [each.provider for each in made.left_out] == [each.name for each in best if not each.loads]
    assert all(each.why for each in made.left_out)


def test_providers_come_best_first_and_can_be_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [each.name for each in providers.in_order("cpu")]
    assert names == [name for name in ORDER.values() if name in onnxruntime.get_available_providers()]
    assert [each.name for each in providers.in_order("cpu") if each.loads] == [CPU]
    left = {each.detail for each in providers.in_order("cpu") if each.name != CPU}
    assert left <= {"FOLEY_BRIDGE_PROVIDERS leaves it out"}
    monkeypatch.setenv("FOLEY_BRIDGE_PROVIDERS", " CPU ")
    assert [each.name for each in providers.in_order() if each.loads] == [CPU]
    monkeypatch.setenv("FOLEY_BRIDGE_PROVIDERS", "cpu,vulkan")
    with pytest.raises(PackError, match=r"no provider 'vulkan' \(those are tensorrt, cuda, coreml, directml, cpu"):
        providers.in_order()


def test_a_provider_that_the_wheel_has_not_cannot_be_all_there_is() -> None:
    missing = next(word for word, name in ORDER.items() if name not in onnxruntime.get_available_providers())
    with pytest.raises(PackError, match="has none of them"):
        providers.in_order(missing)


@needs_cuda_listed
def test_a_provider_that_is_asked_for_alone_and_does_not_load_runs_nothing(folder: Path) -> None:
    if next(each for each in providers.in_order("cuda") if each.name == ORDER["cuda"]).loads:
        pytest.skip("CUDA loads here")
    with pytest.raises(PackError, match=r"sound\.onnx: it runs nowhere here: cuda: "):
        Session(Pack.open(folder).graph("sound"), providers="cuda")


TRIED = """
import json, sys
from pathlib import Path
import numpy as np
from foley_bridge.inference import providers
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.session import Session
real = providers.in_order
providers.in_order = lambda asked=None: tuple(
    providers.Provider(each.name, True, "") if each.name != providers.ORDER["tensorrt"] else each for each in real(asked)
)
made = Session(Pack.open(Path(sys.argv[1])).graph("sound"))
made.run({"sound": np.zeros((1, 1, 64, 100), np.float32)})
print(json.dumps([made.providers, [[each.provider, each.why] for each in made.left_out], made.device]))
"""
"""A probe that was wrong: it says that CUDA loads, and then a session with it is made."""


@needs_cuda_listed
def test_a_provider_that_fails_when_the_session_is_made_is_left_out_with_one_line_and_no_noise(folder: Path) -> None:
    if next(each for each in providers.in_order("cuda") if each.name == ORDER["cuda"]).loads:
        pytest.skip("CUDA loads here")
    done = in_a_process_of_its_own(TRIED, folder, FOLEY_BRIDGE_THREADS="1")
    taken, left_out, device = json.loads(done.stdout)
    assert (taken, device) == ([CPU], "cpu, 1 thread")
    assert ORDER["cuda"] in [name for name, _ in left_out]
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{folder / 'sound.onnx'}: not on cuda but on cpu: ")


def test_a_provider_that_computes_something_else_is_left_out_until_none_is_left(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Session(Pack.open(folder).graph("sound"), providers="cpu")
    right = made.run(given())
    made.prove(given(), right, 0.0)
    for wrong in (right["embedding"] + np.float32(0.01), right["embedding"][:1], right["embedding"] * np.float32(np.nan)):
        with pytest.raises(PackError, match=r"it does not run on cpu: what it computes is .* away"):
            made.prove(given(), {"embedding": wrong}, 1e-3)
    assert caplog.records == []
    made._plan = ["NoneExecutionProvider", CPU]  # as on a machine where a better one had been taken
    with caplog.at_level(logging.WARNING), pytest.raises(PackError, match="does not run on cpu"):
        made.prove(given(), {"embedding": -right["embedding"]}, 1e-3)
    (line,) = caplog.messages
    assert "not on None but on cpu: what it computes is" in line
    assert made.run(given())["embedding"].tobytes() == right["embedding"].tobytes()


def test_asking_what_loads_prints_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    code = "from foley_bridge.inference import providers; providers._nvidia_driver = lambda: True;"
    code += "print([each.loads for each in providers.in_order()][-1])"
    done = in_a_process_of_its_own(code)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_without_a_driver_no_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_NVIDIA_DEVICES", ("/nowhere",))
    monkeypatch.setattr(sys, "executable", "/gone/python")
    if sys.platform == "win32":
        pytest.skip("there the driver itself is asked")
    assert providers.probe(ORDER["cuda"]).detail == "there is no NVIDIA driver on this machine"


# --- TensorRT's engines ---


@pytest.mark.skipif(os.name == "nt", reason="a program that is a shell script")
def test_engines_are_kept_by_graph_and_by_gpu(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA RTX A2000 12GB, 570.86.15'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    graph = Pack.open(folder).graph("picture")
    options = tensorrt_options(graph, tmp_path / "engines")
    place = tmp_path / "engines" / graph.sha256 / "NVIDIA-RTX-A2000-12GB-570-86-15"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert options["trt_engine_cache_enable"] == options["trt_timing_cache_enable"] == "1"
    assert options["trt_profile_min_shapes"] == "picture:1x3x224x224"
    assert options["trt_profile_max_shapes"] == f"picture:{session.MOST_AT_ONCE}x3x224x224"
    assert options["trt_fp16_enable"] == "0"


def test_tensorrt_is_told_no_sizes_of_axes_that_may_be_of_any_length(tmp_path: Path) -> None:
    mel = Pack.open(shipped_folder()).graph("analogy-mel")
    assert {size for tensor in mel.inputs for size in tensor.shape} >= {"batch", "columns"}
    options = tensorrt_options(mel, tmp_path / "engines")
    assert not [name for name in options if "profile" in name] and options["trt_engine_cache_enable"] == "1"


def test_a_gpu_that_cannot_be_asked_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert providers.gpu() == "unknown"


# --- threads ---

COUNTED = """
import json, sys, threading
from pathlib import Path
import psutil
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.session import Session
graph = Pack.open(Path(sys.argv[1])).graph("sound")
import onnxruntime
one = Session(graph, threads=1, providers="cpu")
before = psutil.Process().num_threads()
many = Session(graph, providers="cpu")
print(json.dumps([psutil.Process().num_threads() - before, many.device]))
"""


def test_there_are_as_many_threads_as_asked(folder: Path) -> None:
    done = in_a_process_of_its_own(COUNTED, folder, FOLEY_BRIDGE_THREADS="4")
    assert json.loads(done.stdout) == [3, "cpu, 4 threads"]  # the fourth is the caller's own


def test_threads_never_spin(folder: Path) -> None:
    options = Session(Pack.open(folder).graph("sound"), threads=2, providers="cpu")._session.get_session_options()
    for pool in ("intra", "inter"):
        assert options.get_session_config_entry(f"session.{pool}_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.load_model_format") == "ONNX"


def test_half_the_cores_are_the_editors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOLEY_BRIDGE_THREADS", raising=False)
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count() or 1
    assert default_threads() == max(1, cores // 2)
    monkeypatch.setenv("FOLEY_BRIDGE_THREADS", " 5 ")
    assert default_threads() == 5
    for wrong in ("0", "-1", "many", "1.5", "257", "٣", "9" * 5000):
        monkeypatch.setenv("FOLEY_BRIDGE_THREADS", wrong)
        with pytest.raises(PackError, match="FOLEY_BRIDGE_THREADS="):
            default_threads()
