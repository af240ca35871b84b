"""What a pickle says, without doing any of it.

A pickle is a program that may call whatever its writer liked. Here its opcodes are read one by one, and only plain values and
containers come of them. A global is a name and nothing else; what it is called with is given to the few functions that the
reader of a file knows (``calls``), and every other call gives an ``Inert`` with that name. Nothing is imported, no attribute is
looked up.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

MOST_BYTES = 8 * 2**20
"""Of one pickle. The authors' have some hundred kB: tensors lie beside it, not in it."""


class NotPlain(Exception):
    """A pickle that is broken, too long, or of no form that checkpoints have."""


@dataclass(frozen=True)
class Global:
    """The name of a class or function; never the thing itself."""

    name: str


@dataclass(frozen=True)
class Inert:
    """What stands in place of an object that was not made: the name of what would have made it."""

    name: str


Calls = Mapping[str, Callable[[tuple[Any, ...]], Any]]

_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_WORDS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_VALUES = _NUMBERS | _WORDS | _BYTES
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def unpickle(file: IO[bytes], calls: Calls, persistent: Callable[[Any], Any]) -> Any:
    """The value that the pickle at the file's place describes; the file stands behind it afterwards.

    Args:
        calls: by "module name", what is made of the arguments of a call of that global.
        persistent: what is made of a persistent id.

    Raises:
        NotPlain: see there.
    """
    try:
        return _Machine(calls, persistent).run(_Bounded(file))
    except NotPlain:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise NotPlain(f"the pickle in it is broken ({error})") from error


class _Bounded:
    """A file of which one pickle may read so much and no more, whatever lengths it claims."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MOST_BYTES

    def read(self, size: int) -> bytes:
        return self._count(self._file.read(min(size, self._left + 1)))

    def readline(self) -> bytes:
        return self._count(self._file.readline(self._left + 1))

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise NotPlain(f"the pickle in it is longer than {MOST_BYTES // 2**20} MiB")
        return data


class _Machine:
    """A pickle's stack, marks and memo."""

    def __init__(self, calls: Calls, persistent: Callable[[Any], Any]) -> None:
        self._calls = calls
        self._persistent = persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, file: _Bounded) -> Any:
        for opcode, said, _ in pickletools.genops(file):  # type: ignore[arg-type]  # it needs no more than read and readline
            if opcode.name == "STOP":
                return self._stack.pop()
            self._do(opcode.name, said)
        raise NotPlain("the pickle in it has no end")

    def _do(self, name: str, said: Any) -> None:
        stack = self._stack
        if name in _VALUES:
            stack.append(said)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            stack.append(tuple(self._take(_TUPLES[name])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[said] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[said])
        elif name not in ("PROTO", "FRAME"):
            self._build(name, said)

    def _build(self, name: str, said: Any) -> None:
        """The opcodes of containers and objects."""
        stack = self._stack
        match name:
            case "MARK":
                self._marks.append(len(stack))
            case "POP":
                if self._marks and self._marks[-1] == len(stack):
                    self._marks.pop()
                else:
                    stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                stack.append(stack[-1])
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "LIST":
                stack.append(self._since_mark())
            case "FROZENSET":
                stack.append(frozenset(filter(_is_key, self._since_mark())))
            case "DICT":
                stack.append(_table(self._since_mark()))
            case "APPEND" | "APPENDS" | "ADDITEMS":
                items = self._take(1) if name == "APPEND" else self._since_mark()
                if isinstance(stack[-1], list):
                    stack[-1].extend(items)
                elif isinstance(stack[-1], set):
                    stack[-1].update(filter(_is_key, items))
            case "SETITEM" | "SETITEMS":
                items = self._take(2) if name == "SETITEM" else self._since_mark()
                if isinstance(stack[-1], dict):
                    stack[-1].update(_table(items))
            case "GLOBAL":
                stack.append(Global(said))
            case "STACK_GLOBAL":
                module, attribute = self._take(2)
                if not isinstance(module, str) or not isinstance(attribute, str):
                    raise NotPlain("the pickle in it names a global by something else than words")
                stack.append(Global(f"{module} {attribute}"))
            case "REDUCE" | "NEWOBJ":
                made_by, arguments = self._take(2)
                stack.append(self._call(made_by, arguments))
            case "NEWOBJ_EX":
                made_by, arguments, _ = self._take(3)
                stack.append(self._call(made_by, arguments))
            case "INST":
                stack.append(self._call(Global(said), tuple(self._since_mark())))
            case "OBJ":
                made_by, *arguments = self._since_mark()
                stack.append(self._call(made_by, tuple(arguments)))
            case "BUILD":
                self._take(1)  # an object's attributes: plain values have none, and nothing else was made
            case "BINPERSID":
                stack.append(self._persistent(self._take(1)[0]))
            case "PERSID":
                stack.append(self._persistent(said))
            case _:
                raise NotPlain(f"the pickle in it says {name}, which checkpoints do not")

    def _call(self, made_by: Any, arguments: Any) -> Any:
        if not isinstance(made_by, Global) or not isinstance(arguments, tuple):
            return Inert("an object")
        known = self._calls.get(made_by.name)
        return known(arguments) if known else Inert(made_by.name)

    def _take(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise NotPlain("the pickle in it takes more than it has")
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        taken = self._stack[start:]
        del self._stack[start:]
        return taken


def _is_key(value: Any) -> bool:
    """Whether it can be looked up without looking into it: a tuple of tuples of tuples would bring the interpreter down."""
    return value is None or isinstance(value, str | bytes | int | float | Global | Inert)


def _table(items: list[Any]) -> dict[Any, Any]:
    """Pairs with keys that are no plain values are left out: no network's tensors are called so."""
    return {key: value for key, value in zip(items[0::2], items[1::2], strict=True) if _is_key(key)}
