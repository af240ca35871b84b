"""A pack opens when all of it is as its manifest says; every other is refused by folder, file and reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from packs import make_pack, manifest, read_manifest, write_manifest

from foley_bridge.errors import PackError
from foley_bridge.inference.manifest import Manifest
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.strict_json import strict_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "pack")


def refusal(folder: Path) -> str:
    """What is said of a pack that does not open; begins with its folder."""
    with pytest.raises(PackError) as told:
        Pack.open(folder)
    assert told.value.message.startswith(f"{folder}: ") and told.value.hint
    return told.value.message.removeprefix(f"{folder}: ")


def changed(folder: Path, file: str, change: Callable[[bytes], bytes]) -> None:
    """A file changed, and nothing said of it in the manifest."""
    (folder / file).write_bytes(change((folder / file).read_bytes()))


def regraphed(folder: Path, change: Callable[[onnx.ModelProto], None], **said: Any) -> None:
    """The picture graph changed, with a manifest that has its hash; ``said`` changes what that says of the graph."""
    graph = onnx.load(folder / "picture.onnx", load_external_data=False)
    change(graph)
    (folder / "picture.onnx").write_bytes(graph.SerializeToString(deterministic=True))
    told = read_manifest(folder)
    told["graphs"]["picture"].update(said)
    write_manifest(folder, told)


# --- a pack that is as it should be ---


def test_a_pack_says_what_it_has(folder: Path) -> None:
    pack = Pack.open(folder)
    assert (pack.name, pack.version, pack.id) == ("tiny", "1", "tiny@1")
    assert list(pack.tasks) == ["recommendation"]
    picture = pack.graph("picture")
    assert str(picture.inputs[0]) == "picture float32 (batch, 3, 224, 224)"
    assert str(picture.outputs[0]) == "embedding float32 (batch, 128)"
    assert picture.read() == (folder / "picture.onnx").read_bytes()
    assert picture.sha256 == read_manifest(folder)["files"]["picture.onnx"]["sha256"]


def test_a_pack_with_weights_outside_says_so(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", external=True)
    graph = Pack.open(folder).graph("picture")
    assert graph.read_external() == {"picture.bin": (folder / "picture.bin").read_bytes()}
    assert graph.sha256 not in {each["sha256"] for each in read_manifest(folder)["files"].values()}


def test_packs_share_a_space_just_when_graphs_and_features_are_the_same(tmp_path: Path, folder: Path) -> None:
    space = Pack.open(folder).space
    assert len(space) == 16 and int(space, 16)
    same = Pack.open(make_pack(tmp_path / "same", name="other", version="2"))
    assert same.space == space and same.hash != Pack.open(folder).hash
    assert Pack.open(make_pack(tmp_path / "seed", seed=1)).space != space
    told = read_manifest(folder)
    told["tasks"]["recommendation"]["sound"]["floor"] = 1e-6
    write_manifest(folder, told)
    assert Pack.open(folder).space != space
    outside = make_pack(tmp_path / "outside", external=True)
    before = Pack.open(outside).space
    changed(outside, "picture.bin", lambda data: data[:-1] + b"\x01")  # other weights, and the graph's own file as it was
    write_manifest(outside, read_manifest(outside))
    assert Pack.open(outside).space != before


def test_a_manifest_is_written_as_it_is_read(folder: Path) -> None:
    data = (folder / "pack.json").read_bytes()
    read = Manifest.from_bytes(data)
    assert read.to_json() == json.loads(data)
    assert Manifest.from_bytes(read.to_bytes()) == read


# --- files ---


def test_no_manifest_is_no_pack(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("pack.json: there is no pack")
    assert refusal(tmp_path / "nowhere").startswith("pack.json: there is no pack")


def test_a_wrong_hash_is_refused(folder: Path) -> None:
    changed(folder, "sound.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    assert refusal(folder).startswith("sound.onnx: its SHA-256 is ")
    make_pack(folder.with_name("other"))
    changed(folder.with_name("other"), "golden.npz", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    assert refusal(folder.with_name("other")).startswith("golden.npz: its SHA-256 is ")


def test_a_wrong_size_is_refused(folder: Path) -> None:
    size = (folder / "golden.npz").stat().st_size
    changed(folder, "golden.npz", lambda data: data + b"\0")
    assert refusal(folder) == f"golden.npz: it has {size + 1} bytes, where pack.json says {size}"


def test_a_missing_graph_is_refused(folder: Path) -> None:
    (folder / "picture.onnx").unlink()
    assert refusal(folder) == "picture.onnx: the file is missing that pack.json lists"


def test_a_graph_that_is_a_folder_is_refused(folder: Path) -> None:
    (folder / "picture.onnx").unlink()
    (folder / "picture.onnx").mkdir()
    assert refusal(folder) == "picture.onnx: it is no file"


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "sub", "pickle.pkl"])
def test_a_file_that_is_not_listed_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("") if name != "sub" else (folder / name).mkdir()
    assert refusal(folder) == f"{name}: pack.json does not list it"


def test_what_strangers_wrote_is_told_without_doing_anything_to_a_terminal(folder: Path) -> None:
    def rename(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].name = "\x1b[31m\u202e"

    regraphed(folder, rename)
    assert "inputs are \\x1b[31m\\u202e float32" in refusal(folder)


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_file_of_a_strange_name_is_told_as_it_can_be(folder: Path) -> None:
    (folder / "\x1b[31m.txt").write_text("")
    assert refusal(folder) == "\\x1b[31m.txt: pack.json does not list it"


@pytest.mark.skipif(os.name == "nt", reason="links there need rights")
@pytest.mark.parametrize("name", ["picture.onnx", "golden.npz", "pack.json"])
def test_a_symbolic_link_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert refusal(folder) == f"{name}: it is a symbolic link"


@pytest.mark.parametrize("name", ["picture.onnx", "golden.npz", "pack.json"])
def test_a_hard_link_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").hardlink_to(folder / name)
    assert refusal(folder).startswith(f"{name}: it is a hard link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / "golden.npz").unlink()
    os.mkfifo(folder / "golden.npz")
    assert refusal(folder) == "golden.npz: it is no file"


def test_what_changes_after_a_pack_was_opened_is_not_handed_on(folder: Path) -> None:
    graph = Pack.open(folder).graph("picture")
    changed(folder, "picture.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(PackError, match=r"picture\.onnx: its SHA-256"):
        graph.read()


# --- names ---

NAMES = ["../weights.bin", "/etc/passwd", "sub/weights.bin", "..", ".", ".hidden", "C:\\w.bin", "C:w.bin", "\\\\host\\w.bin"]
NAMES += [
    "NUL",
    "con.onnx",
    "Lpt1.bin",
    "weights.bin.",
    "weights bin",
    "wäights.bin",
    "a\nb",
    "",
    "x" * 101,
    "~root",
    "w.bin:s",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_plain_file_name_is_refused(folder: Path, name: str) -> None:
    told = read_manifest(folder)
    told["files"][name] = {"sha256": "0" * 64, "bytes": 0}
    (folder / "pack.json").write_text(json.dumps(told), "utf-8")
    assert "files" in refusal(folder)
    told = read_manifest(make_pack(folder.with_name("external")))
    told["graphs"]["picture"]["external"] = [name]
    (folder / "pack.json").write_text(json.dumps(told), "utf-8")
    assert "no plain file name" in refusal(folder) or "characters that cannot be shown" in refusal(folder)


def test_two_names_that_differ_in_case_only_are_refused(folder: Path) -> None:
    told = read_manifest(folder)
    for name in ("Golden.npz", "PACK.JSON"):
        more = {**told, "files": {**told["files"], name: told["files"]["golden.npz"]}}
        (folder / "pack.json").write_text(json.dumps(more), "utf-8")
        assert "upper and lower case" in refusal(folder)


# --- graphs ---


@pytest.mark.parametrize("place", [*NAMES, "golden.npz", "*/_ORT_MEM_ADDR_/*", "file:///etc/passwd"])
def test_external_data_that_the_manifest_does_not_list_are_refused(folder: Path, place: str) -> None:
    def move(graph: onnx.ModelProto) -> None:
        tensor = graph.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)

    regraphed(folder, move)
    said = refusal(folder)
    assert said.startswith("picture.onnx: its weights lie in ") and said.endswith("graphs.picture.external does not list")


def test_external_data_beyond_the_end_of_their_file_are_refused(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", external=True)

    def move(graph: onnx.ModelProto) -> None:
        offset = next(entry for entry in graph.graph.initializer[0].external_data if entry.key == "offset")
        offset.value = "4096"

    regraphed(folder, move)
    assert refusal(folder) == "picture.onnx: its weights lie beyond the end of picture.bin"


def test_another_opset_is_refused(folder: Path) -> None:
    def older(graph: onnx.ModelProto) -> None:
        graph.opset_import[0].version = 17

    regraphed(folder, older)
    assert refusal(folder) == "picture.onnx: its opset is 17, where pack.json says 18"


def test_operators_of_strangers_are_refused_also_in_a_graph_within(folder: Path) -> None:
    def add(graph: onnx.ModelProto) -> None:
        inner = helper.make_graph([helper.make_node("Evil", [], ["e"], domain="com.example")], "inner", [], [])
        graph.graph.node.append(helper.make_node("If", ["picture"], ["z"], then_branch=inner))

    regraphed(folder, add)
    assert refusal(folder) == "picture.onnx: it has operators of 'com.example', such as 'Evil'"


def test_operators_that_load_programs_are_refused(folder: Path) -> None:
    regraphed(folder, lambda graph: graph.graph.node.append(helper.make_node("EPContext", [], ["e"], domain="com.microsoft")))
    assert refusal(folder) == "picture.onnx: it has the operator EPContext, which no pack may have"


def test_an_import_of_strangers_operators_is_refused_though_none_is_used(folder: Path) -> None:
    regraphed(folder, lambda graph: graph.opset_import.append(helper.make_opsetid("com.example", 1)))
    assert refusal(folder) == "picture.onnx: it imports operators of 'com.example'"


def axis(graph: onnx.ModelProto) -> None:
    graph.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 112


def fixed(graph: onnx.ModelProto) -> None:
    graph.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1


def dtype(graph: onnx.ModelProto) -> None:
    graph.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def name(graph: onnx.ModelProto) -> None:
    graph.graph.input[0].name = "image"


def more(graph: onnx.ModelProto) -> None:
    graph.graph.output.append(helper.make_tensor_value_info("long", TensorProto.FLOAT, ["batch", 128]))


ENDS = {
    axis: "inputs are picture float32 (batch, 3, 112, 224)",
    fixed: "outputs are embedding float32 (1, 128)",
    dtype: "outputs are embedding float16 (batch, 128)",
    name: "inputs are image float32 (batch, 3, 224, 224)",
    more: "outputs are embedding float32 (batch, 128), long float32 (batch, 128)",
}


@pytest.mark.parametrize("change, said", ENDS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_graph_of_other_ends_than_the_manifest_says_is_refused(
    folder: Path, change: Callable[[onnx.ModelProto], None], said: str
) -> None:
    regraphed(folder, change)
    assert refusal(folder).startswith(f"picture.onnx: its {said}, where pack.json says ")


@pytest.mark.parametrize("kept", [0, 1, 100, 50_000, -1])
def test_a_graph_cut_off_is_refused_though_its_hash_is_right(folder: Path, kept: int) -> None:
    changed(folder, "picture.onnx", lambda data: data[:kept])
    write_manifest(folder, read_manifest(folder))
    assert refusal(folder).startswith("picture.onnx: i")


# --- the manifest ---


def rewritten(folder: Path, text: str) -> str:
    (folder / "pack.json").write_text(text, "utf-8")
    return refusal(folder).removeprefix("pack.json: ")


def test_a_manifest_that_is_no_json_object_is_refused(folder: Path) -> None:
    text = (folder / "pack.json").read_text("utf-8")
    assert rewritten(folder, text[:-1]).startswith("it is no JSON")
    assert rewritten(folder, "[1]") == "it is no JSON object"
    (folder / "pack.json").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refusal(folder)


def test_a_key_twice_is_refused(folder: Path) -> None:
    text = (folder / "pack.json").read_text("utf-8")
    assert (
        rewritten(folder, text.replace('"name": "tiny"', '"name": "tiny", "name": "tiny"')) == "the key 'name' is there twice"
    )
    assert "'sha256'" in rewritten(folder, text.replace('{"sha256"', '{"sha256": "", "sha256"', 1))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_is_none_is_refused(folder: Path, number: str) -> None:
    text = (folder / "pack.json").read_text("utf-8").replace('"near": 0.4', f'"near": {number}')
    assert "number" in rewritten(folder, text)


def test_a_manifest_that_is_too_large_or_too_deep_is_refused(folder: Path) -> None:
    text = (folder / "pack.json").read_text("utf-8")
    assert rewritten(folder, text + " " * (1 << 20)) == "it is larger than 1 MB"
    for levels in (20, 200_000):
        deep = text.replace('"nothing"', "[" * levels + "]" * levels)
        assert rewritten(folder, deep) == "it is nested deeper than 16 levels"


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "\ud800", "bell\x07"])
def test_text_that_would_do_something_to_a_terminal_is_refused(folder: Path, text: str) -> None:
    told = read_manifest(folder)
    (folder / "pack.json").write_text(json.dumps({**told, "provenance": {"seed": [{"note": text}]}}))
    assert "cannot be shown" in refusal(folder)
    (folder / "pack.json").write_text(json.dumps({**told, "provenance": {text: 1}}))
    assert "cannot be shown" in refusal(folder)


def test_a_newer_form_is_refused_and_says_what_to_do(folder: Path) -> None:
    told = read_manifest(folder)
    told["foley_bridge_pack"] = 2
    del told["graphs"]
    assert rewritten(folder, json.dumps(told)) == "foley_bridge_pack: 2: it is of a newer form; bring foley-bridge up to date"


def keys(said: Any, *path: Any) -> list[tuple[Any, ...]]:
    """Paths of all keys that the form says, below ``said``; provenance is free."""
    if isinstance(said, list):
        return [way for number, one in enumerate(said) for way in keys(one, *path, number)]
    if not isinstance(said, dict):
        return []
    found = [(*path, key) for key in said if path not in {("files",), ("graphs",), ("tasks",)}]
    return found + [way for key, one in said.items() if key != "provenance" for way in keys(one, *path, key)]


def reached(said: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        said = said[step]
    return said


def whole() -> dict[str, Any]:
    said = manifest("tiny", "1", external=[])
    names = ("golden.npz", "picture.onnx", "sound.onnx")
    return {**said, "files": {name: {"sha256": "0" * 64, "bytes": 10} for name in names}}


ALL_KEYS = keys(whole())


def test_what_the_tests_leave_out_and_change_is_a_manifest_as_it_stands() -> None:
    assert Manifest.from_json(whole()).to_json() == whole()
    assert len(ALL_KEYS) > 60


@pytest.mark.parametrize("path", ALL_KEYS, ids=lambda path: ".".join(map(str, path)))
def test_a_key_that_is_missing_or_unknown_or_of_another_kind_is_refused_by_name(path: tuple[Any, ...]) -> None:
    *place, key = path
    said = whole()
    del reached(said, tuple(place))[key]
    with pytest.raises(ValueError, match=rf"{key} is missing|{key}: is missing"):
        Manifest.from_json(said)
    said = whole()
    reached(said, tuple(place))["extra"] = 1
    with pytest.raises(ValueError, match="extra"):
        Manifest.from_json(said)
    may_be = {("provenance",): {}, ("tasks", "recommendation", "sound", "mean"): -1}
    for wrong in (None, True, -1, "", [], {}, [[]], 1e30):
        said = whole()
        if wrong in (reached(said, path), may_be.get(path, ...)):
            continue
        reached(said, tuple(place))[key] = wrong
        with pytest.raises(ValueError, match=r"\w"):
            Manifest.from_json(said)


VALUES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "name in capitals": (("name",), "Tiny"),
    "name of a path": (("name",), "../tiny"),
    "version of a path": (("version",), "1/2"),
    "version with a mark": (("version",), "1@2"),
    "version that ends in a dot": (("version",), "1."),
    "a licence in lines": (("licence",), "MIT\nand more"),
    "a day that there is not": (("created",), "2026-02-30"),
    "a hash in capitals": (("files", "golden.npz", "sha256"), "A" * 64),
    "more bytes than any pack": (("files", "golden.npz", "bytes"), 9 << 30),
    "a graph of over 2 GB": (("files", "sound.onnx", "bytes"), 3 << 30),
    "a graph whose file is not there": (("graphs", "sound", "file"), "other.onnx"),
    "weights whose file is not there": (("graphs", "sound", "external"), ["other.bin"]),
    "a precision that there is not": (("graphs", "sound", "precision"), "fp64"),
    "a dtype that there is not": (("graphs", "sound", "inputs", 0, "dtype"), "string"),
    "a size of nothing": (("graphs", "sound", "inputs", 0, "shape"), ["batch", 1, 0, 100]),
    "an axis of a strange name": (("graphs", "sound", "inputs", 0, "shape"), ["b-1", 1, 64, 100]),
    "a worst that is better than typical": (("graphs", "sound", "parity", "worst"), 1e-9),
    "a worst over the tolerance": (("graphs", "sound", "parity", "tolerance"), 1e-8),
    "no task": (("tasks",), {}),
    "a task that this version does not know": (("tasks",), {"smells": {}}),
    "a graph that is not there": (("tasks", "recommendation", "graphs", "sound"), "other"),
    "a graph that takes something else": (("tasks", "recommendation", "graphs", "sound"), "picture"),
    "another size of pictures": (("tasks", "recommendation", "picture", "size"), 112),
    "pictures larger than memory": (("tasks", "recommendation", "picture", "size"), 100_000),
    "other bands": (("tasks", "recommendation", "sound", "mels"), 32),
    "other frames": (("tasks", "recommendation", "sound", "hop"), 960),
    "a segment of other than whole hops": (("tasks", "recommendation", "sound", "hop"), 479),
    "frequencies beyond the rate's half": (("tasks", "recommendation", "sound", "high_hz"), 25_000.0),
    "frequencies the wrong way round": (("tasks", "recommendation", "sound", "low_hz"), 21_000.0),
    "another dimension": (("tasks", "recommendation", "dimension"), 64),
    "near beyond far": (("tasks", "recommendation", "calibration", "near"), 1.5),
    "a golden file that is not there": (("tasks", "recommendation", "golden"), "other.npz"),
    "a batch of one size": (("graphs", "sound", "inputs", 0, "shape"), [8, 1, 64, 100]),
}


@pytest.mark.parametrize("path, value", VALUES.values(), ids=VALUES)
def test_a_value_that_cannot_be_is_refused(path: tuple[Any, ...], value: Any) -> None:
    said = whole()
    reached(said, path[:-1])[path[-1]] = value
    with pytest.raises(ValueError, match=r"\w"):
        Manifest.from_json(said)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_that_is_read_once_or_refused(data: bytes) -> None:
    try:
        said = strict_json(data)
    except ValueError:
        return
    assert said == json.loads(data)


def test_a_folder_of_noise_is_refused_whatever_it_is(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    folder = make_pack(tmp_path / "pack")
    text = (folder / "pack.json").read_bytes()
    for _ in range(300):
        data = bytearray(text)
        data[source.integers(len(data))] = source.integers(256)
        (folder / "pack.json").write_bytes(data)
        try:
            Pack.open(folder)
        except PackError as error:
            assert str(folder) in error.message
