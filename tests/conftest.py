"""Shared by all tests: hypothesis profiles, the folder of real media, and a home of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=50, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real_media() -> Path:
    """The folder of real sounds and videos, kept beside the checkout because their licences keep them out of it."""
    if not REAL.is_dir():
        pytest.skip(f"no real media at {REAL}: tests on real footage and sounds did not run")
    return REAL


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test sees the user's own daemon, journal or library."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("FOLEY_BRIDGE_")]:
            patch.delenv(name)
        patch.setenv("FOLEY_BRIDGE_HOME", str(folder))
        yield folder
