"""The cores need nothing but their hosts' own interpreters: Python 3.8 and its library, Lua and a few of its functions."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from cores import CORE

PYTHON = sorted((CORE / "python" / "foley_host").glob("*.py"))
LUA = sorted((CORE / "lua" / "foley").glob("*.lua"))
ONLY_LUA = {"json", "list"}
FUNCTIONS = {"io.open", "os.time", "os.date", "os.clock", "os.rename", "os.remove"}


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_the_python_core_is_python_3_8_and_imports_only_its_library(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module in sys.stdlib_module_names
        elif isinstance(node, ast.Import):
            assert all(each.name in sys.stdlib_module_names for each in node.names)
    assert path.name == "__init__.py" or "from __future__ import annotations" in path.read_text("utf-8")


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_the_lua_core_asks_for_its_own_modules_and_a_few_functions(path: Path) -> None:
    code = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
    code = re.sub(r'"(?:\\.|[^"\\\n])*"', lambda text: text[0] if text[0].startswith('"foley.') else '""', code)
    assert set(re.findall(r"\brequire\b(?!\(\"foley\.\w+\"\))", code)) == set()
    assert not re.search(r"\b(dofile|loadfile|load|package|debug|_G|_ENV)\b", code)
    assert set(re.findall(r"\b(?:io|os)\.\w+", code)) <= FUNCTIONS
    assert set(re.findall(r"^local (\w+) = require\(", code, re.MULTILINE)) == set(re.findall(r'require\("foley\.(\w+)"', code))
    assert all((path.parent / f"{name}.lua").is_file() for name in re.findall(r'require\("foley\.(\w+)"', code))


def test_both_cores_have_the_same_modules_but_for_what_lua_lacks() -> None:
    python = {path.stem for path in PYTHON} - {"__init__"}
    assert {path.stem for path in LUA} - ONLY_LUA == python
