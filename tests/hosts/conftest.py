"""No test of an editor's scripts asks the daemon that somebody runs on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from endpoints import free_endpoint


@pytest.fixture(scope="module", autouse=True)
def own_endpoint(own_home: object) -> Iterator[None]:
    """What is asked without an endpoint is asked where nobody listens. (A session has other folders' tests, too.)"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLEY_BRIDGE_ENDPOINT", free_endpoint())
        yield
