"""Which of three machines made this sound? Recordings of different length, two channels, an estimator's ``fit``."""

import numpy as np

import unrolled

rng = np.random.default_rng(12)


def recording(kind):
    steps = rng.integers(30, 60)
    time = np.arange(steps) + rng.uniform(0, 20)
    tone = np.sin((0.35 + 0.15 * kind) * time)
    knock = (time % (9 + 3 * kind) < 1.5).astype(float)
    return np.stack([tone, knock], axis=1) + 0.25 * rng.normal(size=(steps, 2))


kinds = rng.integers(0, 3, size=420)
names = np.array(["lathe", "pump", "saw"])[kinds]
sounds = [recording(kind) for kind in kinds]

classifier = unrolled.SequenceClassifier(
    cell="gru", hidden_size=24, members=1, batch_size=24, max_epochs=12, learning_rate=0.01, random_state=0
)
classifier.fit(sounds[:320], names[:320])
print(classifier.validation_)
print("epochs", classifier.epochs_, "losses", np.round(classifier.losses_, 3))
print("accuracy of the test part:", classifier.score(sounds[320:], names[320:]))
