"""ReaPack's index and headers keep its rules, as its source and its packaging documentation state them."""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import reaper_index
from reaper_index import INDEX, SCRIPTS, header

from foley_bridge.hosts.contents import contents

ACTIONS = sorted((SCRIPTS / "reaper").glob("Foley - *.lua"))
ROOT = ElementTree.fromstring(INDEX.read_text("utf-8"))
SOURCES = list(ROOT.iter("source"))


def place(source: ElementTree.Element) -> PurePosixPath:
    """Where ReaPack puts a script: Scripts, the index's name, the category and the file, which may climb up to the index."""
    parts: list[str] = []
    for part in f"{ROOT[0].get('name')}/{source.get('file')}".split("/"):
        if part == "..":
            assert parts, "climbs out of the index"
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath("Scripts", str(ROOT.get("name")), *parts)


def test_the_index_is_what_its_files_make() -> None:
    assert INDEX.read_text("utf-8") == reaper_index.text(), "run: python tests/hosts/reaper_index.py"


def test_elements_and_attributes_are_those_that_reapack_reads() -> None:
    known = {
        "index": {"version", "name"},
        "category": {"name"},
        "reapack": {"name", "type", "desc"},
        "version": {"name", "author", "time"},
        "source": {"file", "main", "platform", "type", "hash"},
        "changelog": set(),
    }
    for element in ROOT.iter():
        assert set(element.attrib) <= known[element.tag], element.tag
        assert all(element.attrib.values()), element.tag
    assert (ROOT.tag, ROOT.get("version")) == ("index", "1")
    assert [child.tag for child in ROOT] == ["category"] and [child.tag for child in ROOT[0]] == ["reapack"]
    assert ROOT[0][0].get("type") == "script"


def test_names_are_such_as_reapack_takes() -> None:
    assert not re.search(r'[*\\:<>?/|"\x00-\x1f]', str(ROOT.get("name")))
    version = ROOT[0][0][0]
    assert re.fullmatch(r"\d+(\.\d+)*", str(version.get("name")))  # without letters, or it counts as a pre-release
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(version.get("time")))
    assert {source.get("main") for source in SOURCES} == {"main", None}


def test_each_source_is_a_file_of_ours_at_an_address_of_its_version() -> None:
    version = ROOT[0][0][0].get("name")
    seen = set()
    for source in SOURCES:
        url = urlsplit(str(source.text))
        assert (url.scheme, url.query, url.fragment) == ("https", "", "") and " " not in str(source.text)
        prefix, _, path = unquote(url.path).partition(f"/v{version}/host_scripts/")
        assert prefix and (SCRIPTS / path).is_file(), path
        seen.add(place(source))
    assert len(seen) == len(SOURCES)


def test_reapack_puts_the_files_where_install_host_puts_them() -> None:
    installed = contents("reaper", SCRIPTS, SCRIPTS)
    assert {place(source) for source in SOURCES} == set(installed)


def test_versions_agree() -> None:
    project = tomllib.loads((SCRIPTS.parent / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert ROOT[0][0][0].get("name") == header()["version"] == project


def test_the_package_has_one_header_and_provides_what_the_index_lists() -> None:
    tags = header()
    assert {"description", "version", "author", "about", "changelog", "provides"} == set(tags)
    listed = set()
    for line in tags["provides"].split("\n")[1:]:
        options, pattern = re.fullmatch(r"\[(\w+)\] (.+)", line).groups()  # type: ignore[union-attr]
        found = {path.resolve() for path in (SCRIPTS / "reaper").glob(pattern)}
        assert found and options in ("main", "nomain")
        listed |= {(path, options == "main") for path in found}
    assert listed == {(path.resolve(), is_action) for path, _, is_action in reaper_index.sources()}


def test_every_other_action_is_left_out_of_the_index_by_its_header() -> None:
    for path in ACTIONS:
        first = path.read_text("utf-8").splitlines()[0]
        assert first == "-- @noindex" or path == reaper_index.PACKAGE
