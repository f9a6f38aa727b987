"""An epoch of a whole small model, torch's LSTM against the same model accelerated.

Embedding, two LSTM layers, linear, cross entropy, Adam: next-character prediction over 200 batches of 32 windows of
64 characters. Run as ``python benchmarks/epoch.py [--threads N]``. Both models start from the same parameters, see the
same batches, and take turns; the losses of all steps are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

import unrolled

VOCABULARY, BATCHES, B, T = 65, 200, 32, 64


class Model(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64)
        self.lstm = nn.LSTM(64, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, VOCABULARY)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embedding(characters))[0])


def epoch(model: nn.Module, optimizer: torch.optim.Optimizer, batches: torch.Tensor) -> tuple[float, list[float]]:
    losses = []
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return time.perf_counter() - start, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| hidden size | torch, s | accelerated, s | ratio | largest difference of the losses |")
    print("|--:|--:|--:|--:|--:|")
    for hidden in (64, 128, 256):
        torch.manual_seed(0)
        batches = torch.randint(VOCABULARY, (BATCHES, B, T + 1))
        theirs, ours = Model(hidden), Model(hidden)
        ours.load_state_dict(theirs.state_dict())
        unrolled.accelerate(ours)
        pairs = [(model, torch.optim.Adam(model.parameters(), lr=3e-3)) for model in (theirs, ours)]
        seconds: list[list[float]] = [[], []]
        difference = 0.0
        for number in range(4):
            runs = [epoch(*pair, batches) for pair in pairs]
            difference = max(difference, *(abs(a - b) for a, b in zip(runs[0][1], runs[1][1], strict=True)))
            if number:  # the first is warm-up
                for total, (took, _) in zip(seconds, runs, strict=True):
                    total.append(took)
        a, b = map(statistics.median, seconds)
        print(f"| {hidden} | {a:.2f} | {b:.2f} | {a / b:.2f} | {difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()
