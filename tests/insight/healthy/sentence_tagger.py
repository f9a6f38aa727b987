"""Who went where: names of people and places in short sentences, tagged by an estimator."""

import numpy as np

import unrolled

rng = np.random.default_rng(6)
given, family = ["Ada", "Grace", "Alan", "Emmy", "Kurt", "Sofia"], ["Lovelace", "Hopper", "Turing", "Noether", "Gödel"]
places = ["London", "New York", "Princeton", "Göttingen", "San Marino", "Oslo"]
verbs, ways = ["went to", "wrote from", "returned to", "never saw"], ["by train", "in spring", "alone", "twice", ""]


def sentence():
    words, tags = [], []

    def add(text, kind=None):
        for i, word in enumerate(text.split()):
            words.append(word)
            tags.append("O" if kind is None else f"{'I' if i else 'B'}-{kind}")

    add(f"{rng.choice(given)} {rng.choice(family)}" if rng.random() < 0.6 else rng.choice(family), "PER")
    add(rng.choice(verbs))
    add(rng.choice(places), "LOC")
    add(rng.choice(ways))
    if rng.random() < 0.4:
        add("with")
        add(rng.choice(given), "PER")
    return tuple(words), tuple(tags)


distinct = dict(sentence() for _ in range(900))
X, y = [list(words) for words in distinct], [list(tags) for tags in distinct.values()]
kept = len(X) // 4
tagger = unrolled.SequenceTagger(
    cell="gru",
    hidden_size=16,
    members=1,
    embedding_size=16,
    character_size=8,
    learning_rate=0.01,
    max_epochs=8,
    random_state=0,
)
tagger.fit(X[kept:], y[kept:], validation=(X[:kept], y[:kept]))
print(tagger.evaluate(X[:kept], y[:kept]))
