"""Files of every task as data to try several models on."""

from __future__ import annotations

import pytest

from unrolled.cli.catalogue import TASKS
from unrolled.cli.demo_data import demo_files
from unrolled.errors import InputError

TINY = {"members": 1, "max_epochs": 1, "hidden_size": 4}
SMALL = {
    "detect": {"window": 8, "false_alarm_every": 500},
    "generate": {"truncate": 32},
    "classify": {"tokens": "words"},
}
FILES = {
    "classify": ("reviews.csv", {}),
    "regress": ("engines.csv", {"series": "engine", "label": "hours_left"}),
    "tag": ("names.conll", {}),
    "forecast": ("passengers.csv", {}),
    "translate": ("some_dates.tsv", {}),
    "transcribe": ("spoken.csv", {}),
    "generate": ("jack.txt", {}),
    "detect": ("pump_all.csv", {"windows": "pump_known.csv"}),
}
MEASURES = {
    "classify": "accuracy",
    "regress": "rmse",
    "tag": "f1",
    "forecast": "mase",
    "translate": "token_error_rate",
    "transcribe": "character_error_rate",
    "generate": "bits_per_character",
    "detect": "f1",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    for name, content in demo_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    later = (folder / "pump_later.csv").read_text().partition("\n")[2]
    (folder / "pump_all.csv").write_text((folder / "pump.csv").read_text() + later)
    (folder / "some_dates.tsv").write_text("".join((folder / "dates.tsv").read_text().splitlines(keepends=True)[:100]))
    spoken = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.glob("tones/*/*.wav"))]
    (folder / "spoken.csv").write_text("\n".join(["source,target", *spoken]) + "\n")
    return folder


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_can_be_split_fitted_and_scored(task, demo, tmp_path):
    name, options = FILES[task.name]
    given = {key: demo / value if key == "windows" else value for key, value in options.items()}
    data = task.data(demo / name, task.data_options(**given), TINY | SMALL.get(task.name, {}))
    assert data.estimator.__name__ == task.estimator
    learned, test = data.test_split()
    train, validation = learned.validation_split(0)
    fitted = train.fit(seed=1)
    for part in (validation, test):
        scores = part.scores(fitted)
        assert data.measure(scores) == MEASURES[task.name]
    fitted.save(tmp_path / "model.safetensors")
    if hasattr(fitted, "columns_"):
        assert fitted.columns_ is not None or task.name in ("generate", "tag", "classify")


def test_given_files_are_held_out(demo):
    task = next(task for task in TASKS if task.name == "classify")
    options = task.data_options(validation=demo / "other_reviews.csv", test=demo / "other_reviews.csv")
    learned, test = task.data(demo / "reviews.csv", options, {}).test_split()
    train, validation = learned.validation_split(0)
    assert (len(train.items), len(validation.items), len(test.items)) == (120, 40, 40)
    (demo / "wrong.csv").write_text("review,mood\na film,neither\n")
    with pytest.raises(InputError, match=r"wrong.csv, line 2: label 'neither' is none of the model's classes"):
        task.data(demo / "reviews.csv", task.data_options(test=demo / "wrong.csv"), {})


def test_a_detector_needs_known_windows(demo):
    task = next(task for task in TASKS if task.name == "detect")
    with pytest.raises(InputError, match="name the file of them with --windows"):
        task.data(demo / "pump_all.csv", task.data_options(), {})
