"""What tests of the simulated Resolve share; a module that wants it says ``pytest_plugins = ["resolve_fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import serving
from resolve_menu import Menu


@pytest.fixture(scope="session")
def menu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Menu]:
    """A menu whose scripts ask a real daemon."""
    folder = tmp_path_factory.mktemp("resolve")
    with serving.serving(folder / "daemon") as running:
        yield Menu(folder / "support", folder / "home", running.endpoint)
