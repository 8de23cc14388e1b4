"""Cards that are there and that PyTorch cannot use: told beforehand, and never taken for slots."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.host import cards
from engine.host.cards import card_faults, try_cards
from engine.host.machine import trained_precisions
from engine.runs import devices
from engine.runs.claim import processes_here
from engine.runs.devices import HOST_SLOT, card_warning, device_slots, named_slots


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for asked in (card_faults, devices._listed_cards):
        asked.cache_clear()
    yield
    for asked in (card_faults, devices._listed_cards):
        asked.cache_clear()


def fake_nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A program of that name that lists so many cards, first in the path."""
    program = folder / "nvidia-smi"
    lines = "\n".join(f"GPU {number}: NVIDIA T4 (UUID: GPU-{number})" for number in range(count))
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_card_that_this_build_cannot_use_is_no_slot_and_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine's cards work")
    fake_nvidia_smi(tmp_path, monkeypatch, 2)
    assert named_slots() == ("0", "1")
    assert device_slots() == (HOST_SLOT,), "runs on the CPU take turns; they would all start at once"
    said = card_warning()
    assert (
        "has an NVIDIA card that PyTorch cannot use" in said and "take turns on the CPU" in said and "README.md" in said
    )


def test_without_a_card_nothing_is_asked_and_nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "card_names", lambda: ())
    monkeypatch.setattr(devices, "card_faults", lambda visible: pytest.fail("no process is worth it"))
    assert device_slots() == (HOST_SLOT,) and card_warning() == ""


@pytest.mark.parametrize(
    ("faults", "slots"),
    [
        ((), ("3", "7")),
        (("", ""), ("3", "7")),
        (("", "too old"), ("3",)),
        (("built for CPUs alone",), (HOST_SLOT,)),
        (("a", "b"), (HOST_SLOT,)),
        (("a", "b", ""), (HOST_SLOT,)),
    ],
)
def test_each_card_is_a_slot_unless_something_is_wrong_with_it(
    faults: tuple[str, ...], slots: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    monkeypatch.setattr(devices, "card_faults", lambda visible: faults)
    assert device_slots() == slots
    assert (card_warning() == "") == (not any(faults))


def fake_cuda(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """A torch that says it has two cards of 2018, which are T4s."""
    said = {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "get_device_name": lambda number: f"Tesla T4 {number}",
        "get_device_capability": lambda number=0: (7, 5),
        "get_arch_list": lambda: ["sm_80", "sm_90"],
        "current_device": lambda: 0,
        "get_device_properties": lambda device: SimpleNamespace(major=7, minor=5),
    }
    for name, value in {**said, **changes}.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.version, "cuda", "13.0")


def test_what_is_wrong_with_a_card_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert try_cards() == [f"this PyTorch ({torch.__version__}) is built for CPUs alone"]
    fake_cuda(monkeypatch, is_available=lambda: False)
    assert "the driver is too old" in try_cards()[0]
    fake_cuda(monkeypatch)

    def ones(*shape: int, device: str) -> Any:
        if device == "cuda:1":
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")
        return torch.zeros(shape) + 1

    monkeypatch.setattr(torch, "ones", ones)
    fine, old = try_cards()
    assert fine == ""
    assert old == (
        "Tesla T4 1 (sm_75) does not work with this build, made for sm_80, sm_90: CUDA error: no kernel image is available for "
        "execution on the device"
    )


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('torch warns'); print('[\"old driver\"]')", "old driver"),
        ("import os; os.abort()", "the process that tried it ended"),
        ("print('no list')", "the process that tried it ended"),
        ("import time; time.sleep(60)", "did not answer within 1 seconds"),
    ],
)
def test_whatever_the_process_that_tries_does_there_is_an_answer(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c {json.dumps(program)}\n")
    script.chmod(0o755)
    monkeypatch.setattr(cards.sys, "executable", str(script))
    monkeypatch.setattr(cards, "SECONDS", 1.0 if "sleep" in program else 30.0)
    assert said in card_faults("0")[0]


def test_a_t4_is_not_offered_the_bf16_that_it_only_emulates(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cuda(monkeypatch)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    assert trained_precisions("cuda") == ("fp32", "fp16")
    fake_cuda(monkeypatch, get_device_properties=lambda device: SimpleNamespace(major=8, minor=0))
    assert trained_precisions("cuda") == ("fp32", "bf16", "fp16")


@pytest.mark.parametrize(("is_new", "formats"), [(True, ("fp32", "bf16", "fp16")), (False, ("fp32", "fp16"))])
def test_an_apple_gpu_is_offered_what_accelerate_trains_there(
    is_new: bool, formats: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: is_new)
    assert trained_precisions("mps") == formats
    assert trained_precisions("cpu") == ("fp32", "bf16")


def test_a_worker_of_several_machines_counts_the_processes_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "16")
    assert processes_here() == 16
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert processes_here() == 8
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    assert processes_here() == 1
