"""Checkpoint files: every variable comes back, and any damage is noticed."""

import contextlib
import errno
import hashlib
import io
import os
import pathlib
import subprocess

import keras
import numpy as np
import pytest
import warm

import kgan
from kgan import artifacts, checkpoint
from kgan.checkpoint import Checkpoints

PLACE = {"epoch": 3, "done": 2, "steps": 7}


def game(policy="float32", units=4, k=2):
    """Batch normalization in G, dropout in D, an EMA, and Adam's slots."""
    keras.config.set_dtype_policy(policy)
    gan = kgan.GAN(
        kgan.networks.DCGANGenerator((8, 8, 1), latent_dim=3, filters=units),
        kgan.networks.MLPDiscriminator((8, 8, 1), units=(units,), hidden_dropout=0.5),
        kgan.priors.Normal(3),
        discriminator_steps=k,
        ema_decay=0.9,
    )
    gan.compile("adam", "adam")
    return gan


def values(gan):
    return {
        name: np.array(keras.ops.convert_to_numpy(v))
        for name, v in checkpoint.variables(gan).items()
    }


def set_all(gan, seed):
    """Gives every variable numbers of its own that its type can hold."""
    draw = np.random.default_rng(seed)
    for variable in checkpoint.variables(gan).values():
        numbers = draw.integers(0, 100, variable.shape)
        if keras.backend.is_float_dtype(variable.dtype):
            numbers = numbers / 8 + draw.uniform(0, 1, variable.shape)
        variable.assign(numbers.astype(variable.dtype))


def same(one, other):
    assert one.keys() == other.keys()
    return all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(one.values(), other.values(), strict=True)
    )


@pytest.mark.parametrize("policy", ["float32", "bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_every_variable_comes_back(policy, tmp_path):
    gan = game(policy)
    set_all(gan, seed=1)
    written = values(gan)
    checkpoint.write(tmp_path / "one.npz", gan, PLACE)
    set_all(gan, seed=2)
    assert not any(np.array_equal(written[k], v) for k, v in values(gan).items() if v.size > 1)
    arrays, place = checkpoint.read(tmp_path / "one.npz")
    checkpoint.restore(gan, arrays)
    assert place == PLACE
    assert same(values(gan), written)
    assert os.listdir(tmp_path) == ["one.npz"]


def test_nothing_that_decides_the_future_is_left_out():
    """By what Keras itself counts as a model's state, and by name."""
    gan = game("mixed_float16")
    kept = {id(v) for v in checkpoint.variables(gan).values()}
    for owner in (gan, gan.generator_optimizer, gan.discriminator_optimizer):
        assert {id(v) for v in owner.variables} <= kept
    assert {id(v) for v in gan.metrics_variables} <= kept
    inner = gan.generator_optimizer.inner_optimizer
    for variable in (
        *(gan.step_counter, gan.rollbacks, gan.report.totals, *gan.ema.variables),
        *(gan.generator_optimizer.dynamic_scale, gan.generator_optimizer.step_counter),
        *(inner.iterations, inner.learning_rate, *inner.variables),
    ):
        assert id(variable) in kept
    names = {v.name for v in checkpoint.variables(gan).values()}
    assert {"seed_generator_state", "moving_mean", "gamma", "kernel"} <= names


def test_the_same_state_makes_the_same_bytes(tmp_path):
    gan = game()
    for name in ("one.npz", "other.npz"):
        checkpoint.write(tmp_path / name, gan, PLACE)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


# Damage


def test_any_byte_flipped_and_any_cut_is_noticed(tmp_path):
    """At 60 places spread over the file, its first and last bytes and its digest among them."""
    path = tmp_path / "one.npz"
    checkpoint.write(path, game(), PLACE)
    whole = path.read_bytes()
    n = len(whole)
    places = {0, 1, n - 1, n - 32, n - 33, *np.random.default_rng(0).integers(0, n, 55).tolist()}
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        for damaged in (bytes(flipped), whole[:place]):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"one\.npz is damaged: its content does not fit"):
                checkpoint.read(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="is damaged"):
        checkpoint.read(path)
    path.write_bytes(whole)
    assert checkpoint.read(path)[1] == PLACE


def test_without_the_digest_flips_go_unnoticed(tmp_path):
    """NumPy's format sums up the arrays alone, and not what the file says of them."""
    checkpoint.write(tmp_path / "one.npz", game(), PLACE)
    content = bytearray((tmp_path / "one.npz").read_bytes()[:-32])
    unnoticed = 0
    for place in range(0, len(content), 97):
        content[place] ^= 1
        with contextlib.suppress(Exception), np.load(io.BytesIO(content)) as file:
            dict(file)
            unnoticed += 1
        content[place] ^= 1
    assert unnoticed > 10  # 32 of 198


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 99])
def test_a_file_of_another_kind(content, tmp_path):
    path = tmp_path / "one.npz"
    path.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(ValueError, match=r"one\.npz is no checkpoint of kgan"):
        checkpoint.read(path)


def saved(directory, steps, keep=3):
    """Checkpoints of one game at those steps."""
    gan, checkpoints = game(), Checkpoints(directory, keep)
    for step in steps:
        gan.step_counter.assign(step)
        checkpoints.save(gan, {**PLACE, "epoch": step})
    return checkpoints


def steps_of(checkpoints):
    return [int(path.stem.removeprefix("step_")) for path in checkpoints.paths()]


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_the_newest_whole_one_is_taken_and_each_damaged_one_named(tmp_path):
    checkpoints = saved(tmp_path, [5, 10, 15])
    assert checkpoints.newest()[2]["epoch"] == 15
    damage(checkpoints.paths()[-1])
    with pytest.warns(UserWarning, match=r"step_00000015\.npz is damaged: .* Trying the one"):
        path, _, place = checkpoints.newest()
    assert (path.name, place["epoch"]) == ("step_00000010.npz", 10)
    checkpoints.paths()[1].write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged") as warned:
        assert checkpoints.newest()[2]["epoch"] == 5
    assert [warning.filename for warning in warned] == [__file__] * 2


def test_all_damaged(tmp_path):
    checkpoints = saved(tmp_path, [5, 10])
    for path in checkpoints.paths():
        damage(path)
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(
            ValueError, match=r"Every checkpoint in .* is damaged\. Remove the directory"
        ),
    ):
        checkpoints.newest()


@pytest.mark.parametrize("kind", ["directory", "loop", "nothing", "pipe", "EIO"])
def test_one_that_cannot_be_read_is_named_and_makes_room(kind, tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, [5, 10, 15])
    newest = checkpoints.paths()[-1]
    if kind != "EIO":
        newest.unlink()
    if kind == "directory":
        newest.mkdir()
        (newest / "precious").write_text("")
    elif kind in ("loop", "nothing"):
        newest.symlink_to(newest if kind == "loop" else "absent")
    elif kind == "pipe":
        os.mkfifo(newest)
    whole = pathlib.Path.read_bytes

    def dying(path):
        if path == newest:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(path)

    with monkeypatch.context() as patch:
        if kind == "EIO":
            patch.setattr(pathlib.Path, "read_bytes", dying)
        with pytest.warns(
            UserWarning, match=r"step_00000015\.npz cannot be read \(.*\)\. Trying"
        ) as warned:
            assert checkpoints.newest()[2]["epoch"] == 10
        assert warned[0].filename == __file__
    gan = game()
    for step in (12, 15, 18, 21):
        gan.step_counter.assign(step)
        checkpoints.save(gan, {**PLACE, "epoch": step})
    assert steps_of(checkpoints) == [15, 18, 21]
    assert checkpoints.newest()[2]["epoch"] == 21
    aside = [path.parent.name for path in tmp_path.glob("*/precious")]
    assert len(aside) == (kind == "directory"), "what is not ours is kept"
    assert all(name.startswith("step_00000015.npz.aside-") for name in aside)


def test_none_can_be_read(tmp_path):
    for path in (checkpoints := saved(tmp_path, [5, 10])).paths():
        path.unlink()
        path.mkdir()
    with (
        pytest.warns(UserWarning, match="cannot be read"),
        pytest.raises(OSError, match=r"No checkpoint in .* can be read\. Mend the cause, or"),
    ):
        checkpoints.newest()


@pytest.mark.parametrize("place", [{}, [], 3, None, {**PLACE, "done": None}, {"epoch": 3}])
def test_a_record_that_lacks_a_field(place, tmp_path):
    checkpoints = saved(tmp_path, [5])
    checkpoint.write(checkpoints.path(10), game(), place)
    damaged = r"010\.npz is damaged: its record .* no valid '(epoch|done)'"
    with pytest.warns(UserWarning, match=damaged):
        assert checkpoints.newest()[2]["epoch"] == 5
    checkpoints.path(5).unlink()
    with pytest.warns(UserWarning, match=damaged), pytest.raises(ValueError, match="Every check"):
        checkpoints.newest()


def test_a_record_may_be_of_the_first_epoch(tmp_path):
    checkpoint.write(tmp_path / "step_00000000.npz", game(), {"epoch": 0, "done": 0, "steps": 0})
    assert Checkpoints(tmp_path).newest()[2]["epoch"] == 0


def test_a_checkpoint_that_another_process_removed_is_removed(tmp_path):
    checkpoints = saved(tmp_path, [5, 10])
    for _ in range(2):
        checkpoints.remove(checkpoints.path(5))
    assert steps_of(checkpoints) == [10]


def test_a_directory_of_checkpoints_that_is_none(tmp_path):
    """It must not read as if there were no checkpoint yet."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("absent")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "link", "loop"):
        with pytest.raises(OSError, match=rf"checkpoints .*{name} cannot be read \(.*\)\. Mend"):
            Checkpoints(tmp_path / name).newest()


def test_the_newest_k_are_kept(tmp_path):
    assert steps_of(saved(tmp_path / "three", [1, 2, 3, 4, 5])) == [3, 4, 5]
    assert steps_of(saved(tmp_path / "one", [1, 2, 3], keep=1)) == [3]
    # By step and not by name, whatever else lies there.
    many = saved(tmp_path / "many", [99_999_999, 100_000_000], keep=2)
    for other in (".step_00000007.partial-1.npz", "step_7.npz", "notes.txt"):
        (tmp_path / "many" / other).write_text("")
    assert steps_of(many) == [99_999_999, 100_000_000]


def test_no_checkpoint_is_no_fault(tmp_path):
    assert Checkpoints(tmp_path).newest() is None
    assert Checkpoints(tmp_path / "absent").newest() is None
    assert not (tmp_path / "absent").exists()


# Other models


@pytest.mark.parametrize(
    ("other", "variable"),
    [
        ({"units": 6}, "model/"),
        ({"policy": "mixed_float16"}, "discriminator_optimizer/"),
        ({"policy": "bfloat16"}, "model/"),
    ],
)
def test_another_model_is_refused_untouched(other, variable, tmp_path):
    checkpoint.write(tmp_path / "one.npz", game(), PLACE)
    arrays, _ = checkpoint.read(tmp_path / "one.npz")
    gan = game(**other)
    before = values(gan)
    sentence = rf"checkpoint one\.npz is of another model: expected .* such as '{variable}.* Build"
    with pytest.raises(ValueError, match=sentence):
        checkpoint.restore(gan, arrays, "one.npz")
    assert same(values(gan), before)


# Faults of the disk

FULL = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_checkpoint import game, PLACE
from kgan.checkpoint import Checkpoints
gan, checkpoints = game(), Checkpoints(sys.argv[1])
gan.step_counter.assign(1)
checkpoints.save(gan, PLACE)
size = checkpoints.paths()[0].stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
gan.step_counter.assign(2)
try:
    checkpoints.save(gan, PLACE)
except OSError as error:
    print(type(error).__name__, error.strerror)
"""


def test_a_file_that_does_not_fit_leaves_the_earlier_ones(tmp_path):
    """The system itself refuses the second half of the file."""
    script = FULL.format(tests=str(pathlib.Path(__file__).parent))
    words = [*warm.python(), "-c", script, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert "OSError File too large" in done.stdout, done.stderr[-2000:]
    assert os.listdir(tmp_path) == ["step_00000001.npz"]
    assert Checkpoints(tmp_path).newest()[2] == PLACE


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_up_late_leaves_the_earlier_ones(call, tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, [1])

    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(artifacts.os, call, refuse)
    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.save(game(), PLACE)
    assert os.listdir(tmp_path) == ["step_00000001.npz"]
