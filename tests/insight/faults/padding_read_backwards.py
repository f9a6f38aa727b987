"""Progress through a phrase: at each frame, which share of the phrase has been spoken, from a bidirectional GRU.

Planted: the padded batch goes into the layer as it is, without lengths or packing, so the backward direction starts in
the padding. The loss is masked properly.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

torch.manual_seed(1)


class Phrases(torch.utils.data.Dataset):
    def __init__(self, count):
        self.items = []
        for length in torch.randint(6, 40, (count,)).tolist():
            syllables = torch.rand(length // 5 + 1, 1) < 0.5
            voiced = syllables.repeat_interleave(5, dim=0)[:length]  # a pause has neither loudness nor pitch
            frames = voiced * torch.cat([0.5 + torch.rand(length, 1), torch.randn(length, 2)], dim=1)
            self.items.append((frames, torch.linspace(0, 1, length)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def collate(items):
    frames, progress = zip(*items, strict=True)
    lengths = torch.tensor([len(f) for f in frames])
    return pad_sequence(frames, batch_first=True), pad_sequence(progress, batch_first=True), lengths


class ProgressModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 24, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(48, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self, frames):
        output, _ = self.gru(frames)
        return self.out(output).squeeze(-1)


def masked_mse(predicted, actual, lengths):
    mask = torch.arange(actual.shape[1]) < lengths[:, None]
    return ((predicted - actual) ** 2)[mask].mean()


train = torch.utils.data.DataLoader(Phrases(400), batch_size=20, shuffle=True, collate_fn=collate)
valid = torch.utils.data.DataLoader(Phrases(100), batch_size=50, collate_fn=collate)
model = ProgressModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)

for epoch in range(8):
    model.train()
    losses = []
    for frames, progress, lengths in train:
        loss = masked_mse(model(frames), progress, lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        errors = [masked_mse(model(frames), progress, lengths).item() for frames, progress, lengths in valid]
    print(f"epoch {epoch:2d}  train {sum(losses) / len(losses):.4f}  valid {sum(errors) / len(errors):.4f}")
