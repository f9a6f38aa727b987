"""A cluster of two machines on this one, of which one is lost while it trains."""

from __future__ import annotations

import time

import pytest

from unrolled.errors import InputError, MissingExtraError
from unrolled.tuning import tune
from unrolled.tuning.job import Job, run_job
from unrolled.tuning.ray_workers import RayWorkers
from unrolled.tuning.workers import Ended, Reported

try:
    import ray
    from ray.cluster_utils import Cluster
except ImportError:
    ray = None

needs_ray = pytest.mark.skipif(ray is None, reason="ray is not installed: pip install '.[ray]'")


def made(**given):
    from made_data import MadeData

    return MadeData(**given)


def test_without_ray_there_is_one_sentence(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"tuning on a Ray cluster needs the package 'ray'.*'.\[ray\]'"):
        tune(made(), trials=1, ray="auto")


@pytest.fixture
def cluster():
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield found
    ray.shutdown()
    found.shutdown()


@needs_ray
def test_one_of_two_machines_is_lost_and_no_trial_is(cluster, tmp_path):
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    data, jobs = made(seconds=3.0, folder=str(tmp_path)), {n: Job({"hidden_size": 2**n}, 0, 0) for n in (4, 5, 6)}
    with RayWorkers(data, None, cluster.address) as workers:
        assert workers.count == 2
        waiting, found, reported, lost = [*jobs], {}, set(), False
        while len(found) < len(jobs):
            while workers.free and waiting:
                key = waiting.pop()
                workers.submit(key, jobs[key])
            for event in workers.events(0.2):
                if isinstance(event, Reported):
                    reported.add(event.key)
                elif isinstance(event, Ended):
                    found[event.key] = event.outcome
            if len(reported) == 2 and not lost:  # both are at work
                lost = True
                cluster.remove_node(second, allow_graceful=False)
        assert lost
        expected = {key: run_job(made(), job, lambda *_: None, lambda: None).scores for key, job in jobs.items()}
        assert {key: outcome.scores for key, outcome in found.items()} == expected
        begun = (tmp_path / "trainings").read_text().splitlines()
        assert len(begun) == len(jobs) + 1


@needs_ray
def test_a_study_on_a_cluster(cluster):
    found = tune(made(), trials=6, only=["hidden_size"], rounds=3, seeds=3, ray=cluster.address)
    alone = tune(made(), trials=6, only=["hidden_size"], rounds=3, seeds=3)
    assert [each.value for each in found.trials] == [each.value for each in alone.trials]
    assert found.values == alone.values == {"hidden_size": 16}


@needs_ray
def test_a_hopeless_training_ends_on_a_cluster(cluster):
    with RayWorkers(made(seconds=60.0), 1, cluster.address) as workers:
        start, outcome = time.monotonic(), None
        workers.submit("job", Job({}, 0, 0))
        while outcome is None:
            for event in workers.events(0.2):
                if isinstance(event, Reported):
                    workers.prune("job")
                else:
                    outcome = event.outcome
        assert outcome.pruned
        assert time.monotonic() - start < 60


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "auto"])
def test_no_cluster_at_the_address(address):
    with pytest.raises(InputError, match=r"ray is '.+', expected the address of a cluster that runs"):
        tune(made(), trials=1, ray=address)
