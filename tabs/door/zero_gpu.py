"""ZeroGPU Spaces: a GPU is lent to a function for about a minute, on behalf of whoever clicked.

`spaces.GPU` runs such a function in a forked process; what goes in and what comes back is pickled. Two things are done there:
forward passes, and being the worker of a run. Pixels' shares (Grad-CAM) and writing words stay on the CPU.
"""

import contextvars
import logging
import os
import threading
from pathlib import Path

from engine.events import RunFailed
from engine.host.lent import Lender
from engine.runs.queue import give_up, take

log = logging.getLogger(__name__)

VARIABLE = "SPACES_ZERO_GPU"  # set by the Hub on such a Space
PREDICT_SECONDS = 15  # the shorter, the sooner one's turn comes
STARTING_SECONDS = (
    20  # of a training's time with the GPU: its data is opened, its model built, its last checkpoint saved
)


def is_zero_gpu() -> bool:
    """Whether this is a ZeroGPU Space."""
    return os.environ.get(VARIABLE, "").lower() in ("1", "t", "true")


def build_lender(minutes: float) -> Lender:
    """Who lends the GPU: trainings may take `minutes`. To be called before torch is imported elsewhere and the page opened."""
    import spaces  # takes the place of CUDA in torch, so that nobody needs a GPU before one is lent

    from engine.runs import worker
    from engine.serving import predictor

    def work(run_dir: str) -> int:
        return worker.main(run_dir, minutes=minutes) if take(Path(run_dir)) else 0

    lent_work = spaces.GPU(duration=round(60 * minutes) + STARTING_SECONDS)(work)

    def attend(run_dir: Path) -> None:
        try:
            lent_work(str(run_dir))
        except Exception as problem:  # no time left today, say; how one that trained already has ended, the runner sees
            log.exception("The GPU for %s", run_dir.name)
            reason = f"No GPU was lent: {getattr(problem, 'message', problem)}"
            give_up(run_dir, RunFailed(message=reason, log_tail=""))

    def train(run_dir: Path) -> None:
        # In a copy of this context: the GPU is lent to the person whose request it holds.
        here = contextvars.copy_context()
        threading.Thread(target=here.run, args=(attend, run_dir), name=_thread(run_dir), daemon=True).start()

    return Lender(forward=spaces.GPU(duration=PREDICT_SECONDS)(predictor.forward), train=train, attends=attends)


def attends(run_dir: Path) -> bool:
    """Whether this process asks for a GPU on a run's behalf, or has one."""
    return any(thread.name == _thread(run_dir) for thread in threading.enumerate())


def _thread(run_dir: Path) -> str:
    return f"lent-{run_dir.name}"
