"""One reel for all tests of the panel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from panel_staged import Staged, stage


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """See ``stage``."""
    with stage(tmp_path_factory.mktemp("panel")) as reel:
        yield reel
