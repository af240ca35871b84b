"""Files of ``torch.save`` read without running anything of them: what torch itself reads, and what is hostile or broken."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from foley_export.analogy.published import pickled  # noqa: E402
from foley_export.analogy.published.pickled import Inert, NotPlain, unpickle  # noqa: E402
from foley_export.analogy.published.torch_file import Stored, open_torch  # noqa: E402
from foley_export.errors import ExportError  # noqa: E402
from published_files import saved  # noqa: E402

FORMS = pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])


@FORMS
def test_every_kind_of_tensor_is_what_torch_reads(tmp_path: Path, old: bool) -> None:
    wide = torch.arange(24.0).reshape(4, 6)
    content = {
        "plain": wide,
        "turned": wide.T,
        "part": wide[1:3, ::2],
        "half": torch.randn(5).half(),
        "brain": torch.randn(5).bfloat16(),
        "double": torch.randn(2, 2, dtype=torch.float64),
        "whole": torch.arange(-3, 3),
        "flags": torch.tensor([True, False]),
        "single": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(3)),
    }
    path = saved(tmp_path / "any.pt", content, old=old)
    with open_torch(path) as file:
        assert file.content.keys() == content.keys()
        for name, tensor in torch.load(path, weights_only=True).items():
            read = file.tensor(file.content[name])
            assert read.shape == tensor.shape and torch.equal(read, tensor.detach().to(read.dtype)), name


@FORMS
def test_plain_values_come_as_they_are(tmp_path: Path, old: bool) -> None:
    content = {"words": ["a", ("b", 1.5, None)], 3: {True: -1.5}, "ordered": collections.OrderedDict(x=1), "long": 1 << 80}
    with open_torch(saved(tmp_path / "any.pt", content, old=old)) as file:
        assert file.content == {"words": ["a", ("b", 1.5, None)], 3: {True: -1.5}, "ordered": {"x": 1}, "long": 1 << 80}


class _Calls:
    """Pickled, it says that a function is to be called."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.said = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.said


@FORMS
def test_nothing_that_a_file_calls_is_called(tmp_path: Path, old: bool) -> None:
    trace = tmp_path / "trace"
    content = {
        "system": _Calls(os.system, f"touch {trace}"),
        "eval": _Calls(eval, f"open({str(trace)!r}, 'w')"),
        "attribute": _Calls(getattr, _Calls(__import__, "os"), "system"),
        "partly": [_Calls(Path.touch, _Calls(Path, str(trace)))],
        "weight": torch.ones(2),
    }
    path = tmp_path / "hostile.pt"
    saved(path, content, old=old)
    with open_torch(path) as file:
        assert isinstance(file.content["system"], Inert) and isinstance(file.content["attribute"], Inert)
        assert torch.equal(file.tensor(file.content["weight"]), torch.ones(2))
    assert not trace.exists()


def test_state_and_items_of_what_was_not_made_go_nowhere() -> None:
    class Sly:
        def __reduce_ex__(self, protocol: int) -> Any:
            return (dict, (), {"__class__": "x"}, iter([1, 2]), iter([("a", 1)]))

    assert _plain(pickle.dumps(Sly(), 4)) == Inert("builtins dict")


@pytest.mark.parametrize(
    "pickle_of",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.",  # so many bytes
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x.",  # so many, to be changed
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x.",  # letters
        b"\x80\x02X" + struct.pack("<I", (1 << 32) - 1) + b"x.",
        b"\x80\x02\x8b" + struct.pack("<i", (1 << 31) - 1) + b"x.",  # digits of a number
        b"I" + b"9" * 100_000 + b"\n.",
        b"S'" + b"a" * (9 << 20),
    ],
    ids=["bytes", "bytearray", "text", "old text", "number", "decimals", "endless line"],
)
def test_claimed_lengths_take_no_memory(pickle_of: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(NotPlain):
            _plain(pickle_of)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_place_in_the_memo_far_away_takes_no_memory() -> None:
    tracemalloc.start()
    assert _plain(b"\x80\x02K\x01r" + struct.pack("<I", (1 << 32) - 1) + b".") == 1
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_what_is_deep_does_not_bring_the_interpreter_down() -> None:
    deep = b"\x80\x02}" + b")" + b"\x85" * 300_000 + b"K\x01s."  # a table whose key is a tuple in a tuple in a tuple ...
    assert _plain(deep) == {}
    doubled = b"\x80\x04]" + b"2\x86" * 60 + b"\x8c\x01x\x93."  # a global named by a list of two lists of two lists ...
    with pytest.raises(NotPlain, match="words"):
        _plain(doubled)


def test_a_pickle_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled, "MOST_BYTES", 1 << 20)
    with pytest.raises(NotPlain, match="longer than 1 MiB"):
        _plain(pickle.dumps(list(range(1_000_000))))


@pytest.mark.parametrize("pickle_of", [b"", b".", b"0.", b"s.", b"R.", b"h\x05.", b"N", b"\xff.", b"\x82\x01.", b"(\x86."])
def test_broken_pickles_are_named_so(pickle_of: bytes) -> None:
    with pytest.raises(NotPlain):
        _plain(pickle_of)


def test_a_storage_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(struct.pack("<2f", 1, 2))
    for key in ("../../secret", str(tmp_path / "secret"), "../data.pkl", ""):
        with pytest.raises(ExportError, match="kind that is not known"), open_torch(_one_tensor(tmp_path, key=key)):
            pass


def test_names_in_a_zip_are_not_written_anywhere(tmp_path: Path) -> None:
    path = _one_tensor(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped", b"x")
        archive.writestr("/tmp/escaped-absolutely", b"x")
    before = sorted(tmp_path.parent.rglob("*"))
    with open_torch(path) as file:
        assert file.tensor(file.content).tolist() == [1, 2]
    assert sorted(tmp_path.parent.rglob("*")) == before and not Path("/tmp/escaped-absolutely").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 1 << 60}, "reaches beyond|bytes, not"),
        ({"count": 3}, "8 bytes, not 12"),
        ({"shape": (1 << 40,), "strides": (0,)}, "reaches beyond"),
        ({"shape": (3,)}, "reaches beyond"),
        ({"offset": 1}, "reaches beyond"),
        ({"offset": -1}, "reaches beyond"),
        ({"strides": (-1,)}, "reaches beyond"),
        ({"shape": (2.0,)}, "reaches beyond"),
        ({"shape": (1,) * 40, "strides": (1,) * 40}, "reaches beyond"),
        ({"kind": "torch Tensor"}, "kind that is not known"),
        ({"kind": "builtins eval"}, "kind that is not known"),
    ],
)
def test_tensors_that_are_not_in_the_file_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ExportError, match=said), open_torch(_one_tensor(tmp_path, **change)) as file:
        file.tensor(file.content)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"N" * (64 << 20) + b".")
    tracemalloc.start()
    with pytest.raises(ExportError, match="compressed"), open_torch(path):
        pass
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@FORMS
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, old: bool) -> None:
    whole = saved(tmp_path / "whole.pt", {"weight": torch.randn(40), "more": torch.randn(3)}, old=old).read_bytes()
    path = tmp_path / "cut.pt"
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ExportError), open_torch(path) as file:
            for stored in file.content.values():
                file.tensor(stored)


@FORMS
def test_whatever_bytes_are_changed_it_is_read_or_refused(tmp_path: Path, old: bool) -> None:
    content = {"state_dict": {"weight": torch.randn(4)}, "object": _Calls(os.system, "exit"), "number": 1 << 70}
    whole = saved(tmp_path / "whole.pt", content, old=old).read_bytes()
    path, chance = tmp_path / "changed.pt", random.Random(7)
    for _ in range(400):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            with open_torch(path) as file:
                for stored in _all_stored(file.content):
                    file.tensor(stored)
        except ExportError as error:
            assert path.name in str(error)


def test_what_is_no_file_of_torchs_is_named_so(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b"RIFF....WAVE", bytes(4096), pickle.dumps({"a": 1})):
        (tmp_path / "some.ckpt").write_bytes(content)
        with pytest.raises(ExportError, match=r"some\.ckpt"), open_torch(tmp_path / "some.ckpt"):
            pass
    with pytest.raises(ExportError, match="absent"), open_torch(tmp_path / "absent.ckpt"):
        pass
    with pytest.raises(ExportError, match="cannot be read"), open_torch(tmp_path):
        pass
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "x")
    with pytest.raises(ExportError, match="no checkpoint"), open_torch(tmp_path / "other.zip"):
        pass


def _plain(data: bytes) -> Any:
    return unpickle(io.BytesIO(data), {}, lambda said: None)


def _all_stored(value: Any, depth: int = 0) -> list[Stored]:
    if isinstance(value, Stored):
        return [value]
    each = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [stored for inner in each for stored in _all_stored(inner, depth + 1)] if depth < 9 else []


def _one_tensor(
    folder: Path,
    *,
    kind: str = "torch FloatStorage",
    key: str = "0",
    count: int = 2,
    offset: int = 0,
    shape: tuple[Any, ...] = (2,),
    strides: tuple[int, ...] = (1,),
) -> Path:
    """A file as torch writes it, of one tensor that may say of itself what torch would not."""

    def value(of: Any) -> bytes:
        return pickle.dumps(of, 2)[2:-1]

    kind_opcode = f"c{kind.replace(' ', chr(10))}\n".encode()
    storage = b"(" + value("storage") + kind_opcode + value(key) + value("cpu") + value(count) + b"tQ"
    arguments = storage + value(offset) + value(shape) + value(strides) + b"\x89N"
    path = folder / "one.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one/data.pkl", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR.")
        archive.writestr("one/data/0", struct.pack("<2f", 1, 2))
        archive.writestr("one/version", "3\n")
    return path
