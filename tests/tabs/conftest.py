"""Gradio opens an event loop and leaves it open wherever it finds none that runs: so pages are built inside one."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def build() -> Callable[[Callable[[], Any]], Any]:
    """Calls a function that makes Gradio blocks, and gives what it returns."""

    def built(make: Callable[[], Any]) -> Any:
        async def inside() -> Any:
            return make()

        return asyncio.run(inside())

    return built
