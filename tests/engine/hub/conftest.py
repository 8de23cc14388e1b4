"""A Hub of the tests' own, which the real client talks to."""

from collections.abc import Iterator

import pytest
from hub_server import Hub, serving


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)  # between tries
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub
