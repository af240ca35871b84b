"""Shared by all tests: hypothesis profiles and the folder of real media."""

from __future__ import annotations

import os
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
