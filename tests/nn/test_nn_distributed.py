"""Two processes that share a batch have the gradients of one."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, sys
import torch
from torch.nn.parallel import DistributedDataParallel
import unrolled.nn

rank, meeting = int(sys.argv[1]), sys.argv[2]
if sys.platform == "linux":
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # the host's name need not be known to any server
torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
torch.set_num_threads(1)
torch.manual_seed(0)
lstm = unrolled.nn.LSTM(3, 5, 2, bidirectional=True).double()
x = torch.randn(7, 4, 3, dtype=torch.float64)
parallel = DistributedDataParallel(lstm)
parallel(x[:, 2 * rank : 2 * rank + 2])[0].square().mean().backward()
shared = [p.grad.clone() for p in lstm.parameters()]
lstm.zero_grad()
lstm(x)[0].square().mean().backward()
for a, p in zip(shared, lstm.parameters(), strict=True):
    assert torch.allclose(a, p.grad, rtol=0, atol=1e-15), (a - p.grad).abs().max()
torch.distributed.destroy_process_group()
"""


def test_two_processes_have_the_gradients_of_one(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(tmp_path / "meeting")], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            _, errors = process.communicate()  # torch ends a meeting that nobody comes to
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
