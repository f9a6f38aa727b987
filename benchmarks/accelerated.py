"""Other people's models, unchanged, before and after ``unrolled.accelerate``: losses and seconds an epoch.

Each comes with a library of its own; install what you want to see, a missing one skips its rows:

    pip install neuralforecast darts flair sb3-contrib

Run as ``python benchmarks/accelerated.py [--threads N] [--only TEXT]``. Every model is made twice from the same seed,
one of them accelerated, and both train on the same batches in turns; of the seconds of an epoch the median is shown.
The losses are those of the first epoch: later ones differ more, as training magnifies the last bit, and an agent soon
acts differently. Data are generated, nothing is downloaded.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

import unrolled

EPOCHS = 5


class Run(NamedTuple):
    """One model in training: each call of ``epoch`` returns a number that depends on all that was learned."""

    layers: torch.nn.Module
    epoch: Callable[[], float]


def seasonal(length: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    return 10 + np.sin(2 * np.pi * t / 24 + rng.uniform(0, 6)) + 0.01 * t + 0.1 * rng.normal(size=length)


def neuralforecast(kind: str) -> Run:
    import pandas as pd
    from neuralforecast import NeuralForecast, models

    frame = pd.concat(
        pd.DataFrame({"unique_id": f"s{i}", "ds": pd.date_range("2020", periods=400, freq="h"), "y": seasonal(400, i)})
        for i in range(32)
    )
    model = getattr(models, kind)(
        h=24, input_size=96, inference_input_size=96, encoder_hidden_size=128, encoder_n_layers=2, max_steps=30,
        batch_size=32, windows_batch_size=64, random_seed=1, logger=False, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False, accelerator="cpu", scaler_type="robust",
    )  # fmt: skip
    forecaster = NeuralForecast([model], freq="h")

    def epoch() -> float:
        forecaster.fit(frame)
        return float(forecaster.models[0].train_trajectories[-1][1])

    return Run(forecaster.models[0], epoch)


def darts(kind: str) -> Run:
    from darts import TimeSeries
    from darts.models import RNNModel

    series = [TimeSeries.from_values(seasonal(400, i).astype(np.float32)) for i in range(8)]
    model = RNNModel(
        input_chunk_length=72, training_length=96, model=kind, hidden_dim=64, n_rnn_layers=2, n_epochs=1,
        batch_size=64, random_state=1,
        pl_trainer_kwargs={"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False,
                           "logger": False, "enable_checkpointing": False},
    )  # fmt: skip
    model.fit(series)  # makes the layers

    def epoch() -> float:
        model.fit(series, epochs=1)
        return float(model.trainer.callback_metrics["train_loss"])

    return Run(model.model, epoch)


def flair_tagger() -> Run:
    import flair
    from flair.data import Corpus, Sentence
    from flair.datasets import FlairDatapointDataset
    from flair.embeddings import OneHotEmbeddings
    from flair.models import SequenceTagger
    from flair.training_utils import store_embeddings

    flair.device = torch.device("cpu")
    rng = np.random.default_rng(1)
    sentences = []
    for _ in range(320):
        words = rng.integers(0, 400, rng.integers(5, 40))
        sentence = Sentence([f"word{w}" for w in words])
        for i, token in enumerate(sentence):
            token.add_label("kind", "BCDE"[(words[i] + words[i - 1]) % 4])
        sentences.append(sentence)
    data = FlairDatapointDataset(sentences)
    corpus = Corpus(train=data, dev=data, test=data)
    torch.manual_seed(1)
    tagger = SequenceTagger(
        embeddings=OneHotEmbeddings.from_corpus(corpus, embedding_length=64), tag_type="kind", hidden_size=128,
        tag_dictionary=corpus.make_label_dictionary("kind"), rnn_layers=1, use_crf=True, use_rnn=True, dropout=0.0,
        word_dropout=0.0, locked_dropout=0.0,
    )  # fmt: skip
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.1)

    def epoch() -> float:
        tagger.train()
        total = 0.0
        for start in range(0, len(sentences), 32):
            optimizer.zero_grad()
            loss, count = tagger.forward_loss(sentences[start : start + 32])
            (loss / count).backward()
            optimizer.step()
            store_embeddings(sentences[start : start + 32], "none")
            total += loss.item()
        return total / len(sentences)

    return Run(tagger, epoch)


def recurrent_ppo() -> Run:
    from sb3_contrib import RecurrentPPO

    agent = RecurrentPPO(
        "MlpLstmPolicy", "CartPole-v1", n_steps=512, batch_size=128, n_epochs=4, seed=1, device="cpu",
        policy_kwargs={"lstm_hidden_size": 128},
    )  # fmt: skip

    def epoch() -> float:
        agent.learn(512, reset_num_timesteps=False)
        return float(agent.logger.name_to_value["train/loss"])

    return Run(agent.policy, epoch)


MODELS: dict[str, Callable[[], Run]] = {
    "NeuralForecast LSTM, 2 layers of 128": lambda: neuralforecast("LSTM"),
    "NeuralForecast GRU, 2 layers of 128": lambda: neuralforecast("GRU"),
    "Darts RNNModel LSTM, 2 layers of 64": lambda: darts("LSTM"),
    "Darts RNNModel GRU, 2 layers of 64": lambda: darts("GRU"),
    "Flair SequenceTagger, BiLSTM-CRF, 128": flair_tagger,
    "RecurrentPPO (sb3-contrib), LSTM 128": recurrent_ppo,
}


def timed(run: Run, number: int) -> tuple[float, float]:
    torch.manual_seed(number)  # the two draw from one generator
    start = time.perf_counter()
    loss = run.epoch()
    return time.perf_counter() - start, loss


def rows(only: str) -> Iterator[str]:
    for name, make in MODELS.items():
        if only.lower() not in name.lower():
            continue
        try:
            theirs, ours = make(), make()
        except ModuleNotFoundError as error:
            yield f"| {name} | skipped: {error.name} is not installed | | | |"
            continue
        assert unrolled.accelerate(ours.layers).replaced
        seconds: tuple[list[float], list[float]] = ([], [])
        difference = 0.0
        for number in range(EPOCHS + 1):
            (before, loss), (after, accelerated_loss) = timed(theirs, number), timed(ours, number)
            if number:
                seconds[0].append(before)
                seconds[1].append(after)
            else:  # the first is warm-up
                difference = abs(accelerated_loss - loss) / abs(loss)
        before, after = map(statistics.median, seconds)
        yield f"| {name} | {before:.2f} | {after:.2f} | {before / after:.2f} | {difference:.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds this")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(options.threads)
    print("| model | torch, s | accelerated, s | ratio | losses differ by |\n|---|--:|--:|--:|--:|")
    for row in rows(options.only):
        print(row, flush=True)


if __name__ == "__main__":
    main()
