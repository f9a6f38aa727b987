"""Training that is stopped anywhere goes on to the same bits; who else writes, and what does not fit, is named."""

import fcntl
import math
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch

from unrolled.errors import InputError, ModelFileError, TrainingError
from unrolled.runtime.file_lock import only_writer
from unrolled.runtime.model_file import read_model, write_model
from unrolled.training import checkpoint as checkpoint_module
from unrolled.training.checkpoint import fingerprint, resumable
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions
from unrolled.training.problem import Problem


class Settings(msgspec.Struct):
    size: int = 3
    rate: float = 0.1


SETTINGS = Settings()


class Stop(Exception):
    """Whatever ends a fit."""


EPOCHS, BATCHES = 5, 3


def fit(path, stop=lambda stage, step: None, *, settings=SETTINGS, data="data", seed=7, validate=True):
    """Two stages with dropout, random batches and Adam; what comes of them, bit for bit."""
    results = []
    with resumable(path, "sample", settings, data, seed) as checkpoint:
        for stage in range(2):
            module, run = train(problem(stage, validate), options(checkpoint, stage, stop))
            results += [{name: t.numpy().tobytes() for name, t in module.state_dict().items()}, vars(run)]
    if path is not None:
        checkpoint.kept.remove()  # as whoever has saved what was learned does
    return results


X = torch.linspace(-1, 1, 4 * 6).reshape(6, 4)


def problem(stage, validate):
    return Problem(
        make=lambda _: torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)),
        batches=lambda generator: np.split(generator.permutation(6), BATCHES),
        batches_per_epoch=BATCHES,
        loss=lambda module, batch: (module(X[batch]) - X[batch].sum(1, keepdim=True)).square().mean(),
        validate=(lambda module: module(X).square().mean().item()) if validate else None,
        phase=f"stage {stage}",
    )


def options(checkpoint, stage=0, stop=lambda stage, step: None, **changes):
    usual = {
        "max_epochs": EPOCHS,
        "batch_size": 2,
        "learning_rate": 0.02,
        "clip_norm": 1.0,
        "weight_decay": 0.01,
        "averaging": 0.6,
        "patience": 3,
    }
    return TrainingOptions(
        **{**usual, **changes}, seed=checkpoint.seed + stage, checkpoint=checkpoint,
        callback=lambda progress: stop(stage, progress.step),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def at_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS", 0.0)


@pytest.mark.parametrize("validate", [True, False])
def test_stopped_in_any_stage(tmp_path, validate):
    """In its first epoch, at the end of one, at the beginning of the next, in its last step."""
    whole = fit(None, validate=validate)
    for stage in range(2):
        for step in (1, BATCHES, BATCHES + 1, 4 * BATCHES - 1, EPOCHS * BATCHES):
            path = tmp_path / "run"

            def stop(s, t, at=(stage, step)):
                if (s, t) == at:
                    raise Stop

            try:
                fit(path, stop, validate=validate)
            except Stop:
                assert path.exists() == (stage > 0 or step > BATCHES)
            assert fit(path, validate=validate) == whole
            assert list(tmp_path.iterdir()) == []  # neither checkpoint nor lock is left


def test_stopped_again_and_again(tmp_path):
    """Each time after one epoch more."""
    steps, started = [], 0
    while True:
        begun = []

        def stop(stage, step, begun=begun):
            begun.append((stage, step))
            if len(begun) == BATCHES + 1:
                raise Stop

        try:
            result = fit(tmp_path / "run", stop)
            break
        except Stop:
            steps.append(begun[0])
            started += 1
            assert started < 20
    assert result == fit(None)
    assert steps == sorted(set(steps))


def test_writes_now_and_then_and_when_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS", 3600.0)
    written = []
    monkeypatch.setattr(checkpoint_module, "write_model", lambda *a: (written.append(1), write_model(*a)))

    def stop(stage, step):
        if (stage, step) == (1, 2 * BATCHES + 1):
            assert not written
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="run holds the training so far, and the same again goes on from there"):
        fit(tmp_path / "run", stop)
    assert written == [1]
    first = []
    assert fit(tmp_path / "run", lambda stage, step: first.append((stage, step))) == fit(None)
    assert first[0] == (1, 2 * BATCHES + 1)


def test_nothing_is_promised_before_the_first_epoch_is_over(tmp_path):
    def stop(stage, step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as error:
        fit(tmp_path / "run", stop)
    assert error.value.args == ("stopped before the first epoch was over, so nothing was kept",)
    assert list(tmp_path.iterdir()) == []


def test_an_exploding_loss_keeps_the_last_good_state(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS", 3600.0)

    def stop(stage, step):
        if step == BATCHES + 1:
            raise TrainingError("exploded")

    with pytest.raises(TrainingError):
        fit(tmp_path / "run", stop)
    assert fit(tmp_path / "run") == fit(None)


def test_a_full_disk_is_told_and_the_older_checkpoint_stays(tmp_path, monkeypatch):
    path, calls = tmp_path / "run", []

    def write(*arguments):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device", str(path))
        write_model(*arguments)

    monkeypatch.setattr(checkpoint_module, "write_model", write)
    with pytest.raises(OSError, match="No space left"):
        fit(path)
    assert len(calls) == 2
    monkeypatch.setattr(checkpoint_module, "write_model", write_model)
    assert fit(path) == fit(None)


def test_validation_losses_that_are_not_finite_are_kept(tmp_path):
    with resumable(tmp_path / "run", "sample", None, None, 0) as checkpoint:
        scores = iter([math.nan, math.inf, 1.0])
        scored = replace(problem(0, validate=True), validate=lambda _: next(scores))
        _, run = train(scored, options(checkpoint, max_epochs=3))
        stage = checkpoint._stages[0].record
        assert [float.fromhex(loss) for loss in stage.validation_losses][1:] == run.validation_losses[1:]
        assert math.isnan(float.fromhex(stage.validation_losses[0]))


@pytest.fixture
def begun(tmp_path):
    """A checkpoint that can be gone on with."""

    def stop(stage, step):
        if step == 2 * BATCHES:
            raise Stop

    with pytest.raises(Stop):
        fit(tmp_path / "run", stop)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": Settings(size=4, rate=0.2)}, "begun with rate=0.1, now 0.2, size=3, now 4: go on with the same"),
        ({"data": "other"}, "run was begun with other data: go on with the same, or choose another path"),
    ],
)
def test_another_fit_is_refused(begun, change, message):
    before = begun.read_bytes()
    with pytest.raises(InputError, match=message):
        fit(begun, **change)
    assert begun.read_bytes() == before


def test_the_seed_is_that_of_the_beginning(begun):
    assert fit(begun, seed=8) == fit(None, seed=7)


def test_another_task_stage_or_version_is_refused(begun, monkeypatch):
    other = resumable(begun, "forecaster", SETTINGS, "data", 7)
    with pytest.raises(InputError, match="is the checkpoint of a sample, not of a forecaster"), other:
        pass
    same = resumable(begun, "sample", SETTINGS, "data", 7)
    with pytest.raises(InputError, match="run is at 'stage 0', expected 'other'; delete it"), same as checkpoint:
        checkpoint.begin("other")
    monkeypatch.setattr(checkpoint_module, "library_version", lambda: "9.9")
    with pytest.raises(InputError, match=r"was written by version .*, this is 9\.9: go on with that one"):
        fit(begun)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    model, text = tmp_path / "model", tmp_path / "text"
    write_model(model, "forecaster", Settings(), {})
    text.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(InputError, match=r"model holds a model \(forecaster\), not a checkpoint: choose another path"):
        fit(model)
    with pytest.raises(ModelFileError, match=r"text is not a model file.*; it is no checkpoint to go on from"):
        fit(text)
    assert read_model(model).task == "forecaster"
    assert text.read_text() == "a,b\n1,2\n3,4\n"
    with pytest.raises(InputError, match="there is no folder"):
        fit(tmp_path / "absent" / "run")


def test_a_damaged_checkpoint_is_refused(begun):
    data = bytearray(begun.read_bytes())
    data[-5] ^= 1
    begun.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"checksum mismatch.*choose another path, or delete it"):
        fit(begun)


class Record(msgspec.Struct):
    """As a checkpoint has it, with any values."""

    task: str
    settings: dict
    seed: int
    data: str
    stages: list[dict]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("step", -1, r"at `\$.stages\[0\].step`"),
        ("losses", ["half"], "'half' is not a loss"),
        ("losses", ["0x1p99999"], "is not a loss"),
        ("losses", [], "0 losses, 1 of validation and best epoch 1"),
        ("best_epoch", 99, "best epoch 99 do not fit together"),
        ("best_epoch", -1, "best_epoch"),
        ("first_loss", "one", "'one' is not a loss"),
        ("batch_order", "{", "does not fit this training: the order of batches cannot be read"),
        ("batch_order", '{"bit_generator": "MT19937", "state": {}}', "the order of batches cannot be read"),
        (
            "batch_order",
            '{"bit_generator": "PCG64", "state": {"state": -1, "inc": 1}}',
            "the order of batches cannot be read",
        ),
        ("phase", "another", "run is at 'another', expected 'stage 0'"),
    ],
)
def test_a_checkpoint_that_lies_is_refused(begun, field, value, message):
    """One whose checksum is right."""
    found = read_model(begun)
    config = msgspec.convert(found.config, Record)
    config.stages[0][field] = value
    write_model(begun, "checkpoint", config, found.tensors)
    with pytest.raises(InputError, match=message):
        fit(begun)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("stages.0.torch_generator"), "tensor 'torch_generator' is missing"),
        (lambda t: t.pop("stages.0.module.0.weight"), "tensor 'module.0.weight' is missing"),
        (lambda t: t.pop("stages.0.adam.0.bias.exp_avg_sq"), "tensor 'adam.0.bias.exp_avg_sq' is missing"),
        (lambda t: t.update({"stages.0.more": np.zeros(1)}), "tensor 'more' is none of its own"),
        (
            lambda t: t.update({"stages.0.torch_generator": np.zeros(7, np.uint8)}),
            "'torch_generator' has dtype uint8 and shape",
        ),
        (lambda t: t.update({"stages.0.module.0.bias": np.zeros(8)}), "'module.0.bias' has dtype float64 and shape"),
        (
            lambda t: t.update({"stages.0.adam.0.bias.exp_avg": np.zeros(9, "f4")}),
            r"'adam.0.bias.exp_avg' has .* shape \[9\]",
        ),
    ],
)
def test_a_checkpoint_with_other_arrays_is_refused(begun, change, message):
    found = read_model(begun)
    change(found.tensors)
    write_model(begun, "checkpoint", msgspec.convert(found.config, Record), found.tensors)
    with pytest.raises(InputError, match=f"does not fit this training: .*{message}.*delete it to begin anew"):
        fit(begun)


def test_a_second_writer_is_refused_by_name(tmp_path):
    path = tmp_path / "run"
    with only_writer(path):
        with pytest.raises(InputError, match=f"run is being written by process {os.getpid()}: wait for it or stop it"):
            fit(path)
        assert (tmp_path / "run.lock").exists()
    assert not (tmp_path / "run.lock").exists()


def test_a_lock_left_behind_is_taken_over(tmp_path):
    (tmp_path / "run.lock").write_text("999999999999")
    fit(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["precious", "12 apples", "1" * 21])
def test_what_is_no_lock_is_left_alone(tmp_path, content):
    """A file of the user's, or a link to one that somebody has put there."""
    (tmp_path / "mine").write_text(content)
    for put in ((tmp_path / "run.lock").symlink_to, (tmp_path / "run.lock").hardlink_to):
        put(tmp_path / "mine")
        with pytest.raises(InputError, match=r"run\.lock stands where its lock would, and is none; remove it"):
            fit(tmp_path / "run")
        assert (tmp_path / "mine").read_text() == content
        (tmp_path / "run.lock").unlink()


def test_a_folder_or_pipe_in_the_place_of_the_lock(tmp_path):
    for make in (os.mkdir, os.mkfifo):
        make(tmp_path / "run.lock")
        with pytest.raises(InputError, match="stands where its lock would"):
            fit(tmp_path / "run")
        (tmp_path / "run.lock").rename(tmp_path / make.__name__)


def test_all_paths_to_a_checkpoint_have_one_lock(tmp_path, monkeypatch):
    """FAULTS 35, by a link to the file, to its folder, and from elsewhere."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "alias").symlink_to("folder/run")
    (tmp_path / "other").symlink_to("folder")
    monkeypatch.chdir(tmp_path / "folder")
    with only_writer(tmp_path / "folder" / "run"):
        for name in (tmp_path / "alias", tmp_path / "other" / "run", "run", "../folder/./run"):
            with pytest.raises(InputError, match=f"is being written by process {os.getpid()}"):
                fit(name)
    assert fit(tmp_path / "alias") == fit(None)
    assert (tmp_path / "alias").is_symlink()
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "it is a folder; give the name of a file in it"),
        ("", "it is a folder"),
        ("/", "it is a folder"),
        ("sub/..", "it is a folder"),
        ("absent/run", "there is no folder"),
        ("a\0b", "null byte"),
        ("circle", "(?i)symlink loop|too many levels"),
    ],
)
def test_places_where_no_checkpoint_can_be(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(InputError, match=message):
        fit(name, lambda stage, step: pytest.fail("it began to train"))


@pytest.mark.parametrize("name", ["é" * 127, "a" * 255, "🙂" * 63])
def test_names_as_long_as_the_system_takes(tmp_path, name):
    def stop(stage, step):
        assert (len(list(tmp_path.iterdir())) == 1) == (stage == 0 and step <= BATCHES)  # the lock, and the checkpoint
        if stage == 1:
            raise Stop

    with pytest.raises(Stop):
        fit(tmp_path / name, stop)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert fit(tmp_path / name) == fit(None)


def test_a_lock_removed_by_hand_is_not_removed_again(tmp_path):
    path, lock = tmp_path / "run", tmp_path / "run.lock"
    with only_writer(path):
        lock.unlink()
        with only_writer(path):
            held = lock.stat()
            with pytest.raises(InputError, match="is being written"), only_writer(path):
                pass
            assert os.path.samestat(lock.stat(), held)
    assert not lock.exists()


def test_what_was_kept_goes_only_if_it_is_still_that(tmp_path):
    path = tmp_path / "run"
    with resumable(path, "sample", SETTINGS, "data", 7) as checkpoint:
        train(problem(0, validate=False), options(checkpoint, max_epochs=1))
    kept = checkpoint.kept
    assert path.exists()
    with only_writer(path):  # another process goes on from it
        kept.remove()
        assert path.exists()
    write_model(tmp_path / "model", "forecaster", Settings(), {})
    (tmp_path / "model").replace(path)
    kept.remove()
    assert read_model(path).task == "forecaster"
    path.unlink()
    kept.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("another", [True, False])
def test_a_lock_whose_file_is_gone_does_not_count(tmp_path, monkeypatch, another):
    """Between opening and locking, its holder removes the lock file, and perhaps another begins with a new one."""
    path, flock, calls = tmp_path / "run", fcntl.flock, []
    with ExitStack() as others:

        def late(descriptor, operation):
            calls.append(descriptor)
            if len(calls) == 1:
                (tmp_path / "run.lock").unlink()
                if another:
                    others.enter_context(only_writer(path))
            flock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", late)
        if another:
            with pytest.raises(InputError, match="is being written by process"):
                fit(path)
        else:
            with only_writer(path):
                assert len(calls) == 2


def test_never_two_at_a_time(tmp_path):
    """Three processes take and leave the lock; each counts while it has it, and no count is lost."""
    path, counter = tmp_path / "run", tmp_path / "counter"
    counter.write_text("0")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom unrolled.errors import InputError\n"
        "from unrolled.runtime.file_lock import only_writer\npath, counter = map(Path, sys.argv[1:])\ndone = 0\n"
        "while done < 60:\n"
        "    try:\n"
        "        with only_writer(path):\n"
        "            counter.write_text(str(int(counter.read_text()) + 1))\n"
        "        done += 1\n"
        "    except InputError:\n"
        "        time.sleep(0.0003)\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", code, str(path), str(counter)]) for _ in range(3)]
    assert [other.wait() for other in others] == [0, 0, 0]
    assert counter.read_text() == "180"


PROGRAM = """
import os, signal
import numpy as np
import unrolled

def fit(path, at, kind):
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == at:
            os.kill(os.getpid(), kind)

    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(3, 9, size=24)]
    y = ["ab"[n % 2] for n in range(24)]
    classifier = unrolled.SequenceClassifier(
        hidden_size=4, members=2, max_epochs=4, batch_size=8, random_state=0, callback=stop
    )
    return classifier.fit(X, y, checkpoint=path)

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
"""


ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def killed(path, at, kind, seconds):
    """A process that ends itself at a step of its training."""
    run = "import sys\nfrom unrolled.training import checkpoint\ncheckpoint.SECONDS = float(sys.argv[4])\n"
    run += "fit(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))"
    arguments = [sys.executable, "-c", PROGRAM + run, str(path), str(at), str(int(kind)), str(seconds)]
    return subprocess.run(arguments, env=ONE_THREAD, capture_output=True, text=True)


def test_killed_processes_go_on_to_the_same_file(tmp_path):
    """SIGKILL in the first network; SIGTERM in the second, where nothing was written until then."""
    program = {}
    exec(PROGRAM, program)
    path = tmp_path / "run"
    program["fit"](None, 0, 0).save(tmp_path / "whole")
    assert killed(path, 8, signal.SIGKILL, 0).returncode == -signal.SIGKILL
    before = path.read_bytes()
    stopped = killed(path, 12, signal.SIGTERM, 3600)
    assert (stopped.returncode, stopped.stderr) == (143, "")
    assert path.read_bytes() != before
    program["fit"](path, 0, 0).save(tmp_path / "resumed")
    assert not path.exists()
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("moment", ["write_model", "KeptFile.remove"])
def test_fault_30_killed_after_the_training(tmp_path, moment):
    """Before the model is written and after it: what was learned is in one of the two files at every moment."""
    program = {}
    exec(PROGRAM, program)
    path, model = tmp_path / "run", tmp_path / "model"
    program["fit"](None, 0, 0).save(tmp_path / "whole")
    end = f"import sys\nfrom unrolled.tasks import estimator\nestimator.{moment} = die\n"
    end += "fit(sys.argv[1], 0, 0).save(sys.argv[2])"
    done = subprocess.run([sys.executable, "-c", PROGRAM + end, str(path), str(model)], env=ONE_THREAD)
    assert done.returncode == -signal.SIGKILL
    assert model.exists() == (moment != "write_model")
    again = program["fit"](path, 1, signal.SIGKILL)  # would end this process, were a single step taken
    again.save(model)
    assert model.read_bytes() == (tmp_path / "whole").read_bytes()
    assert not path.exists()


def test_sigterm_is_left_to_whoever_handles_it(tmp_path):
    def handler(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with resumable(tmp_path / "run", "sample", None, None, 0):
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    with resumable(tmp_path / "run", "sample", None, None, 0):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_fingerprints_tell_data_apart():
    a = np.arange(6.0)
    different = [
        None, True, 1, 1.0, "1", "", [], [[]], [1, 2], [[1], 2], ["ab", "c"], ["a", "bc"], a, a.reshape(2, 3), a.astype("f4"),
        a.astype(int), a + 1, [a, a], {"a": 1}, {"b": 1}, np.array(["a", "b"]), np.array(["a", None], object), Settings(),
        Settings(size=4), np.array(["2020-01-01"], "M8[D]"), np.float64(1), np.array([True]),
    ]  # fmt: skip
    prints = [fingerprint(value) for value in different]
    assert len(set(prints)) == len(different)
    assert fingerprint(np.array([[1.0, 2.0], [3.0, 4.0]]).T) == fingerprint(np.array([[1.0, 3.0], [2.0, 4.0]]))
    assert fingerprint(("a", "b")) == fingerprint(["a", "b"]) == prints[20]
    with pytest.raises(TypeError, match="no fingerprint of a object"):
        fingerprint(object())
