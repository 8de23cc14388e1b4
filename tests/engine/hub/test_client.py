"""What cannot be a token is told before the Hub is asked."""

import pytest

from engine.errors import HubError
from engine.hub.client import build_api


@pytest.mark.parametrize("token", ["hf_abc…", "hf_abc def", "hf_abc\ndef", "hf_ä"])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(HubError, match="Copy it again, whole") as told:
        build_api(token)
    assert token not in str(told.value)


@pytest.mark.parametrize("token", ["hf_abcDEF123", None, False])
def test_what_may_be_one(token: str | None) -> None:
    assert build_api(token).token == token
