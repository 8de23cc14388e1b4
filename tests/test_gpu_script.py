"""The script that measures a GPU runs on a CPU too, with small sizes: every part, and its file after each."""

import json
import subprocess
import sys
from pathlib import Path

import torch

REPOSITORY = Path(__file__).parents[1]
PARTS = (
    "verdicts", "lstm", "syncs", "formats", "auto", "resume", "out of memory", "out of memory beside a server", "lesson",
    "beside fastai", "loaders", "serving beside a training", "tests",
)  # fmt: skip


def test_every_part_finds_something_and_takes_nothing_of_the_page(lab_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    code = (
        "import sys, runpy; sys.argv = ['gpu', '--small', '--out', sys.argv[1]]\n"
        "runpy.run_module('benchmarks.gpu', run_name='__main__')\n"
        "assert not {'gradio', 'tabs'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(out.read_text("utf-8"))
    assert found["small"] and all(part in found for part in PARTS)
    assert [part for part in PARTS if "failed" in found[part]] == [], json.dumps(found, indent=1)[-3000:]
    for task in ("camvid", "planet", "heads", "imdb"):
        assert {"fp32", "bf16"} <= found["formats"][task].keys() and found["formats"][task]["fp32"]["off"] == 0
    if not torch.cuda.is_available():
        assert found["resume"]["fp32"]["largest difference"] == found["resume"]["bf16"]["largest difference"] == 0
        assert found["out of memory beside a server"]["difference"] == 0
    assert all(found["beside fastai"][task]["ours"] > 0 for task in ("camvid", "planet", "heads"))
    assert "passed" in found["tests"]["tests"] and not found["tests"]["did not pass"]
    assert found["lstm"]["bf16"]["type"] == "torch.bfloat16" and found["lstm"]["bf16"]["zero"] < 0.1
