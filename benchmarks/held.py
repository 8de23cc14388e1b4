"""What a server under load holds, for a benchmark to print time by time."""

import asyncio
import time
from pathlib import Path

import psutil

from engine.data.whole_folder import bytes_in

SAMPLE_SECONDS = 30.0


class Held:
    """What the server and its processes hold, time by time."""

    def __init__(self, server: psutil.Process, home: Path) -> None:
        self.server, self.home, self.began = server, home, time.monotonic()
        self.clients = psutil.Process()
        self.used = self.before = self.cpu()

    def cpu(self) -> tuple[float, float, float]:
        return time.monotonic(), sum(self.server.cpu_times()[:2]), sum(self.clients.cpu_times()[:2])

    def look(self) -> None:
        now, before = self.cpu(), self.before
        self.before, seconds = now, now[0] - before[0]
        readers = sum(map(self.held_by_reader, self.server.children()))
        memory = self.server.memory_info().rss / 1e6
        disk = bytes_in(self.home) / 1e6
        cores = [(now[at] - before[at]) / seconds if seconds else 0.0 for at in (1, 2)]
        print(
            f"| {(now[0] - self.began) / 60:.1f} | {memory:.0f} | {readers / 1e6:.0f} | {self.server.num_threads()} | "
            f"{self.server.num_fds()} | {disk:.0f} | {cores[0]:.2f} | {cores[1]:.2f} |",
            flush=True,
        )

    @staticmethod
    def held_by_reader(child: psutil.Process) -> int:
        try:
            return child.memory_info().rss if "reading" in " ".join(child.cmdline()) else 0
        except psutil.Error:  # it has just ended
            return 0

    async def watch(self, until: float) -> None:
        print("| minute | server MB | readers MB | threads | files | disk MB | server's cores | clients' cores |")
        print("|---|---|---|---|---|---|---|---|")
        while time.monotonic() < until:
            self.look()
            await asyncio.sleep(min(SAMPLE_SECONDS, max(0.1, until - time.monotonic())))
