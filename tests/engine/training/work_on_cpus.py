"""A run's worker on processors, whatever else there is: alone, or as one of several processes under `torchrun`."""

import sys

from accelerate import PartialState

from engine.runs import worker
from engine.training.distributed import leave

if __name__ == "__main__":
    PartialState(cpu=True)
    leave(worker.main(sys.argv[1]))
