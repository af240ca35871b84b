"""The wheel, installed outside the checkout, has everything that the checkout has."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("foley_bridge-*.whl"))


def test_the_wheel_carries_every_source_and_data_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    tops = {
        ROOT / "foley_bridge": "foley_bridge",
        ROOT / "models/foley_models": "foley_models",
        ROOT / "export/foley_export": "foley_export",
    }
    tops[ROOT / "host_scripts"] = "foley_bridge/_host_scripts"
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = set()
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        for top, target in tops.items():
            if path.is_relative_to(top) and path.is_file():
                expected.add(f"{target}/{path.relative_to(top).as_posix()}")
    assert expected - inside == set()
    assert any(name.startswith("foley_bridge/_host_scripts/") for name in expected)


def test_the_wheel_names_the_licences_of_what_it_carries_and_has_their_texts(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    (metadata,) = (content.decode() for name, content in inside.items() if name.endswith(".dist-info/METADATA"))
    kept = {name.partition("/licenses/")[2]: content for name, content in inside.items() if ".dist-info/licenses/" in name}
    vendor = ROOT / "foley_bridge" / "panel" / "static" / "vendor"
    others = [folder for folder in vendor.iterdir() if folder.is_dir()]
    assert others
    assert kept == {
        place.relative_to(ROOT).as_posix(): place.read_bytes()
        for place in (ROOT / "LICENSE", *(folder / "LICENSE" for folder in others))
    }
    (expression,) = (line for line in metadata.splitlines() if line.startswith("License-Expression: "))
    named = set(expression.partition(": ")[2].split(" AND "))
    ucs = json.loads((ROOT / "foley_bridge" / "library" / "ucs_8.2.1.json").read_text(encoding="utf-8"))
    told = (vendor / "README.md").read_text(encoding="utf-8")
    assert {"Apache-2.0", ucs["licence"]} < named
    assert all(licence in told for licence in named - {"Apache-2.0", ucs["licence"]})
    assert all(f"`{folder.name}/`" in told and f"`{folder.name}/LICENSE`" in told for folder in others)


def test_the_wheel_stays_under_30_mb(wheel: Path) -> None:
    assert wheel.stat().st_size < 30e6


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed."""
    site = tmp_path_factory.mktemp("installed") / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    return site


def test_an_installed_wheel_runs_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import foley_bridge, foley_models, foley_export\n"
        "from importlib import resources\n"
        f"assert all(m.__file__.startswith({str(site)!r}) for m in (foley_bridge, foley_models, foley_export))\n"
        "from foley_bridge import cli\n"
        "from foley_bridge.inference import providers\n"
        "assert providers.probe('CPUExecutionProvider').loads\n"
        "from foley_bridge.library import ucs\n"
        "assert ucs.category('FOLYProp').category == 'FOLEY'\n"
        "assert (resources.files('foley_bridge') / '_host_scripts' / 'README.md').is_file()\n"
        "from foley_bridge.inference import pack, places\n"
        "assert pack.Pack.open(places.shipped_folder(), ships=True).name == 'mini'\n"
        "import opentimelineio\n"
        f"assert opentimelineio.adapters.from_name('rpp').module_abs_path().startswith({str(site)!r})\n"
        "sys.exit(cli.main(['--version']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("foley-bridge ")
    script = (site / "bin" / "foley-bridge").exists() or (site / "Scripts" / "foley-bridge.exe").exists()
    assert script


def test_the_doctor_finds_what_an_installation_is_without(site: Path, tmp_path: Path) -> None:
    name = "vendor/wavesurfer/wavesurfer.esm.js"
    place = site / "foley_bridge" / "panel" / "static" / name
    code = (
        f"import sys, json; sys.path.insert(0, {str(site)!r})\n"
        "from foley_bridge import doctor\n"
        "from dataclasses import asdict\n"
        "print(json.dumps(asdict(doctor.page(None))))\n"
    )

    def said() -> dict[str, object]:
        command = [sys.executable, "-c", code]
        found: dict[str, object] = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)
        return found

    assert said()["ok"] is True
    place.rename(tmp_path / "kept")
    without = said()
    (tmp_path / "kept").rename(place)
    assert without["ok"] is False and name in str(without["detail"]) and "install" in str(without["advice"])
