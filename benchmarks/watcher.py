"""What a watcher costs: thread CPU time of training steps with and without one, interleaved, at its default interval.

    python benchmarks/watcher.py

Layers of torch and of unrolled.nn, B=32 sequences of T=100 steps, H=64 units, a classifier of the last step and Adam. It
measures from step 351 on: of the first 300 steps the watcher looks at all data, and several closely. The watched and
the unwatched model take turns, 50 steps each, which is one interval.
"""

from __future__ import annotations

import time
from statistics import median

import torch

import unrolled
from unrolled.insight import Watcher

B, T, I, H, CLASSES = 32, 100, 4, 64, 4
INTERVAL = 50
ROUNDS = 12


class Classifier(torch.nn.Module):
    """A recurrent layer and a linear one."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.rnn, self.head = layer, torch.nn.Linear(H, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores ``[B, C]`` of ``x [T, B, I]``."""
        return self.head(self.rnn(x)[0][-1])


class Run:
    """A training that can be continued."""

    def __init__(self, layer: torch.nn.Module) -> None:
        self.model = Classifier(layer)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def steps(self, count: int) -> float:
        """Take steps, and return the CPU time of this thread in seconds."""
        began = time.thread_time()
        for _ in range(count):
            x = torch.randn(T, B, I)
            y = x[-3:].sum(0).argmax(1)
            self.optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimiser.step()
        return time.thread_time() - began


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, unrolled {unrolled.__version__}; B={B}, T={T}, H={H}, every {INTERVAL} steps a close look"
    )
    for name, make in (
        ("torch.nn.LSTM", torch.nn.LSTM),
        ("torch.nn.GRU", torch.nn.GRU),
        ("unrolled.nn.LSTM", unrolled.nn.LSTM),
    ):
        torch.manual_seed(0)
        alone, watched = Run(make(I, H)), Run(make(I, H))
        watcher = Watcher(csv=False, interval=INTERVAL)
        alone.steps(20)
        with watcher:
            watched.steps(350)
        ratios: list[float] = []
        plain: list[float] = []
        for _ in range(ROUNDS):
            plain.append(alone.steps(INTERVAL))
            with watcher:
                ratios.append(watched.steps(INTERVAL) / plain[-1])
        share = median(ratios) - 1
        each, low, high = median(plain) / INTERVAL * 1e3, min(ratios) - 1, max(ratios) - 1
        print(f"{name:<18} {each:6.2f} ms a step, watched {share:+.1%}   (rounds {low:+.1%} to {high:+.1%})")


if __name__ == "__main__":
    main()
