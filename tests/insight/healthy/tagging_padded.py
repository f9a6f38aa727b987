"""Tagging of padded sentences: is a noun singular or plural, given the words on both sides of it? Packed, bidirectional."""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD, IGNORE = 0, -100
SINGULAR, PLURAL, FILLER, NOUN = range(1, 9), range(9, 17), range(17, 30), range(30, 40)


class Sentences(Dataset):
    """Phrases of a noun and a sign of its number, which stands before or behind it; fillers between the two."""

    def __init__(self, count, seed):
        rng = random.Random(seed)
        self.items = [self.sentence(rng) for _ in range(count)]

    @staticmethod
    def sentence(rng):
        words, tags = [], []
        for _ in range(rng.randint(1, 5)):
            plural = rng.random() < 0.5
            sign = rng.choice(PLURAL if plural else SINGULAR)
            filler = [rng.choice(FILLER) for _ in range(rng.randint(0, 2))]
            noun = rng.choice(NOUN)
            before = rng.random() < 0.6
            phrase = [sign, *filler, noun] if before else [noun, *filler, sign]
            words += phrase
            tags += [(2 if plural else 1) if w == noun else 0 for w in phrase]
        return torch.tensor(words), torch.tensor(tags)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def collate(items):
    words, tags = zip(*items, strict=True)
    lengths = torch.tensor([len(w) for w in words])
    words = pad_sequence(words, batch_first=True, padding_value=PAD)
    return words, pad_sequence(tags, batch_first=True, padding_value=IGNORE), lengths


class BiLSTMTagger(nn.Module):
    def __init__(self, words=40, tags=3, embedding=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.hidden2tag = nn.Linear(2 * hidden, tags)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embedding(words), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.hidden2tag(self.dropout(states))


def main():
    torch.manual_seed(7)
    train_loader = DataLoader(Sentences(600, seed=1), batch_size=24, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(Sentences(150, seed=2), batch_size=50, collate_fn=collate)
    model = BiLSTMTagger()
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)

    for epoch in range(6):
        model.train()
        train_loss = 0.0
        for words, tags, lengths in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(words, lengths).transpose(1, 2), tags)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)

        model.eval()
        val_loss, right, total = 0.0, 0, 0
        with torch.no_grad():
            for words, tags, lengths in val_loader:
                scores = model(words, lengths)
                val_loss += criterion(scores.transpose(1, 2), tags).item() / len(val_loader)
                nouns = tags > 0
                right += (scores.argmax(-1) == tags)[nouns].sum().item()
                total += nouns.sum().item()
        print(f"epoch {epoch}: train {train_loss:.3f}, val {val_loss:.3f}, nouns right {right / total:.3f}")


if __name__ == "__main__":
    main()
