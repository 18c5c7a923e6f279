"""Replicas and workers: the same game as one device plays, and how a missing one is met."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
import warm

import kgan
from kgan.training import distribution
from kgan.training.validation import arguments
from train import strategy as strategy_module
from train.strategy import make_strategy

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = str(ROOT / "tests" / "replicas.py")


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def workers(*command, n=2, started=None, **variables):
    """Processes of one cluster on this machine, ended in any case; `{i}` is a worker's number."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(n)]}
    processes = []
    try:
        for i in range(n if started is None else started):
            task = {"cluster": cluster, "task": {"type": "worker", "index": i}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(task), **variables}
            process = subprocess.Popen(
                [*warm.python(), *(part.replace("{i}", str(i)) for part in command)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                cwd=ROOT,
            )
            processes.append(process)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(process, timeout=600):
    """The exit code, standard output and standard error of a process."""
    out, error = process.communicate(timeout=timeout)
    return process.returncode, out, error


# Replicas on one machine


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """What two logical CPUs found, and the weights of one of their games."""
    weights = tmp_path_factory.mktemp("mirrored") / "weights.npz"
    command = [*warm.python(), PROGRAM, "mirrored", weights]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "weights": weights}


@pytest.mark.slow
def test_two_replicas_play_the_game_of_one(played):
    """2 x 16 images against 1 x 32, ten steps; the same noise, split between the replicas."""
    assert played["replicas"] == 2
    assert max(played["sgd_1"], played["sgd_2"]) <= 1e-6
    assert max(played["logs_1"], played["logs_2"]) <= 1e-5
    assert played["adam"] <= 1e-5
    assert played["steps_per_execution"] == 0
    assert played["not_divided"] > 0.01, "gradients are added up: losses must be divided"


@pytest.mark.slow
def test_clipping_is_of_the_sum_of_all_gradients(played):
    assert played["clipped"] <= 1e-6
    assert played["not_clipped"] > 0.01, "it did clip"


@pytest.mark.slow
def test_batch_normalisation_looks_at_all_replicas(played):
    assert played["batch_normalization"] <= 1e-5
    assert played["batch_normalization_apart"] > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kernel_regularizer", "activity_regularizer"])
def test_what_layers_add_to_the_losses_is_divided_once(played, name):
    of_replicas, of_the_regularizer = played[name]
    assert of_replicas <= 1e-6
    assert of_the_regularizer > 0.01


@pytest.mark.slow
def test_replicas_that_share_a_state_add_no_losses_of_calls(played):
    """Each would find those of another: an error of 0.12 in the discriminator's loss here."""
    assert re.search(
        r"expected no `add_loss` and no activity .* received both and the state '.*moving_mean'",
        played["state"],
    )


@pytest.mark.slow
def test_replicas_never_draw_the_same_noise(played):
    assert not played["same_noise"]


@pytest.mark.slow
def test_a_step_communicates_each_gradient_once(played):
    """k = 2: D's parameters twice, G's once, and nothing else."""
    of_discriminator, of_generator = played["parameters"]
    assert played["reduced"] == [of_discriminator, of_discriminator, of_generator]


@pytest.mark.slow
def test_replicas_resume_exactly(played):
    assert played["resumed"] == 0


@pytest.mark.slow
def test_an_overflow_on_one_replica_is_seen_by_both(played):
    """Of ten updates one is skipped, and the loss scale of 2^15 is halved."""
    assert played["updates"] == 9
    assert played["loss_scale"] == 2**14
    assert played["finite"]


@pytest.mark.slow
def test_two_replicas_translate_as_one(played):
    """Measured 4e-9, where the weights move by up to 0.02."""
    assert played["pairs"] <= 1e-6


@pytest.mark.slow
def test_two_replicas_complete_as_one_and_draw_masks_of_their_own(played):
    assert played["masks_fixed"] <= 1e-6
    assert not played["same_masks"]


@pytest.mark.slow
def test_two_replicas_encode_as_one(played):
    assert played["encoded"] <= 1e-6


@pytest.mark.slow
def test_two_replicas_play_with_a_head_as_one(played):
    """The terms are means over each replica's share."""
    assert played["ACGAN"] <= 1e-6
    assert played["InfoGAN"] <= 1e-6


@pytest.mark.slow
def test_two_replicas_share_one_pool_of_samples(played):
    """As one replica keeps it, and the same on both: pixels and weights were 6e-7 apart."""
    assert played["unpaired"] <= 1e-5
    assert played["other_pool"] > 0.1
    assert played["pools"] == 0
    assert played["pool"] == [16, 16]


@pytest.mark.slow
def test_two_replicas_learn_few_labels_as_one(played):
    """Where each draws all of them, in whichever order."""
    assert played["few_labels"] <= 1e-6


@pytest.mark.slow
def test_xla_is_refused_on_replicas(played):
    assert re.search(r"`jit_compile`: expected False with several replicas", played["jit_compile"])


@pytest.mark.parametrize(
    "options", [{"clipnorm": 2.0}, {"global_clipnorm": 2.0}, {"clipvalue": 0.5}, {}]
)
def test_scaled_gradients_are_clipped_as_keras_clips(options):
    gradients = [tf.constant([3.0, -4.0]), tf.constant([0.1, 12.0])]
    optimizer = keras.optimizers.SGD(1.0, **options)
    weights = [keras.Variable(np.zeros(2, "float32")) for _ in gradients]
    optimizer.apply(gradients, weights)
    clips = (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)
    clipped = distribution._clipped([8 * gradient for gradient in gradients], 8.0, *clips)
    for weight, gradient in zip(weights, clipped, strict=True):
        np.testing.assert_allclose(-weight.numpy(), gradient / 8, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, None, "auto"])
def test_replicas_without_xla_are_welcome(monkeypatch, jit_compile):
    monkeypatch.setattr(arguments, "replicas", lambda: 2)
    arguments.check_jit_compile(jit_compile)
    with pytest.raises(ValueError, match="expected False with several replicas"):
        arguments.check_jit_compile(True)


# Workers


@pytest.mark.slow
def test_two_workers_end_with_the_same_weights(played, tmp_path):
    """Bit for bit, and as two replicas of one process do."""
    with workers(PROGRAM, "worker", str(tmp_path / "{i}.npz")) as processes:
        for process in processes:
            code, out, error = ended(process)
            assert code == 0, error[-3000:]
            assert json.loads(out.splitlines()[-1]) == {"replicas": 2, "step": 10}
    mirrored, first, second = (
        list(np.load(path).values())
        for path in (played["weights"], tmp_path / "0.npz", tmp_path / "1.npz")
    )
    for a, b, c in zip(mirrored, first, second, strict=True):
        np.testing.assert_array_equal(b, c)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    kgan.data.load("digits", data_dir=directory)
    return directory


@pytest.mark.slow
@pytest.mark.long
def test_a_run_of_two_workers_survives_the_death_of_one(digits, tmp_path):
    """The other ends with a sentence; the same commands go on and end as if nothing had been."""

    def program(run_dir, steps=120):
        return (
            *("-m", "train", "--dataset=digits", "--width=8", "--latent_dim=4", "--batch_size=64"),
            *(f"--steps={steps}", "--checkpoint_every=20", "--strategy=multi_worker"),
            *(f"--data_dir={digits}", f"--run_dir={run_dir}"),
        )

    with workers(*program(tmp_path / "whole")) as processes:
        for process in processes:
            code, out, error = ended(process)
            assert code == 0, error[-3000:]
            assert "Strategy multi_worker: 2 replicas of 32 images each." in out

    checkpoints = tmp_path / "broken" / "checkpoints"
    with workers(*program(tmp_path / "broken")) as (chief, other):
        deadline = time.monotonic() + 300
        while not list(checkpoints.glob("step_*.npz")):
            assert time.monotonic() < deadline
            assert chief.poll() is None
            time.sleep(0.05)
        other.send_signal(signal.SIGKILL)
        code, _, error = ended(chief)
    assert code == 1
    assert re.search(r"TensorFlow stopped the run .* repeat the command to go on", error)
    assert "Traceback" not in error
    assert not (tmp_path / "broken" / "generator.keras").exists()
    with workers(*program(tmp_path / "broken")) as processes:
        for process in processes:
            code, out, error = ended(process)
            assert code == 0, error[-3000:]
            assert "resuming it" in out
    whole, broken = (
        keras.saving.load_model(tmp_path / name / "generator.keras") for name in ("whole", "broken")
    )
    for a, b in zip(whole.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_worker_that_never_comes_is_not_waited_for_without_end(digits, tmp_path):
    command = (
        *("-m", "train", "--dataset=digits", "--steps=1", "--strategy=multi_worker"),
        *(f"--data_dir={digits}", f"--run_dir={tmp_path / 'run'}"),
    )
    with workers(*command, started=1, KGAN_PEERS_SECONDS="2") as (alone,):
        code, _, error = ended(alone, timeout=120)
    assert code == 1
    assert re.search(r"where not all come within 2 seconds, this one ends\. Start one on", error)
    assert "Traceback" not in error


# What a machine has


@pytest.fixture
def nowhere(monkeypatch):
    for name in ("TF_CONFIG", "TPU_NAME", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_auto_takes_what_there_is(nowhere):
    assert make_strategy("auto", 3) is tf.distribute.get_strategy()
    assert strategy_module._available() == "none"
    nowhere.setenv("TPU_NAME", "grpc://10.0.0.2:8470")
    assert strategy_module._available() == "tpu"
    nowhere.setenv("TF_CONFIG", '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}}')
    assert strategy_module._available() == "multi_worker"
    nowhere.delenv("TF_CONFIG")
    nowhere.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert strategy_module._available() == "multi_worker"


def no_tpu(name):
    raise ValueError("No such TPU\nfor many reasons")


def test_unusable_strategies_are_one_sentence(nowhere):
    with pytest.raises(ValueError, match="--strategy=multi_worker: expected TF_CONFIG to name two"):
        make_strategy("multi_worker", 4)
    with pytest.raises(ValueError, match=r"--strategy=tpu: expected the .* TPU_NAME to name a TPU"):
        make_strategy("tpu", 4)
    nowhere.setenv("TPU_NAME", "lost")
    nowhere.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", no_tpu)
    with pytest.raises(ValueError, match=r"TPU_NAME=lost names cannot be reached \(No such TPU\)"):
        make_strategy("tpu", 4)
    for wrong in ("{", '{"cluster": 3}', "[]"):
        nowhere.setenv("TF_CONFIG", wrong)
        with pytest.raises(ValueError, match="TF_CONFIG is no description of a cluster: expected"):
            make_strategy("auto", 4)


def test_replicas_divide_the_batch(nowhere):
    class Three:
        num_replicas_in_sync = 3

    nowhere.setattr(strategy_module, "_mirrored", Three)
    with pytest.raises(ValueError, match=r"--batch_size=4: expected a multiple of 3, as many rep"):
        make_strategy("mirrored", 4)


def test_a_tpu_is_connected_and_initialised(nowhere):
    """With TensorFlow's own calls in their order; there is no TPU here to try them on."""
    calls = []

    class Resolver:
        def __init__(self, name):
            calls.append(name)

    nowhere.setenv("TPU_NAME", "node-1")
    nowhere.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", Resolver)
    nowhere.setattr(
        tf.config, "experimental_connect_to_cluster", lambda resolver: calls.append("connect")
    )
    nowhere.setattr(
        tf.tpu.experimental, "initialize_tpu_system", lambda resolver: calls.append("initialise")
    )

    class Strategy:
        num_replicas_in_sync = 8

        def __init__(self, resolver):
            calls.append(type(resolver))

    nowhere.setattr(tf.distribute, "TPUStrategy", Strategy)
    assert make_strategy("tpu", 64).num_replicas_in_sync == 8
    assert calls == ["node-1", "connect", "initialise", Resolver]


@pytest.mark.slow
def test_a_step_is_one_program_for_a_tpu():
    """Compiled whole by XLA: no shape that changes, nothing that goes back to the host."""
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.networks.DCGANGenerator((8, 8, 1), 4, filters=4, num_classes=3),
        kgan.networks.MLPDiscriminator((8, 8, 2), units=(8,), num_classes=3),
        kgan.priors.Normal(4),
        discriminator_steps=2,
        packing=2,
        ema_decay=0.9,
        augmentation=kgan.augmentation.DiffAugment(),
    )
    penalties = [kgan.penalties.R1(1.0), kgan.penalties.GradientPenalty()]
    gan.compile("adam", "adam", penalties=penalties, penalty_interval=2)
    images, labels = tf.zeros((16, 8, 8, 1)), tf.zeros((16,), tf.int32)
    step = tf.function(gan.train_step, jit_compile=True)
    text = step.experimental_get_compiler_ir((images, labels))(stage="optimized_hlo")
    assert "ENTRY" in text
    assert not re.search(r"\[[^\]]*<=", text), "a dynamic shape"
    for host in ("infeed", "outfeed", "send(", "recv(", "HostCompute", "host_callback"):
        assert host not in text
