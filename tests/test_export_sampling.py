"""The random latents of TFLite files: a documented hash, and the distribution of the prior."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from export_runs import hashed_latents, make_run, sequential
from kgan_export import lite_sampling
from kgan_export.program import export
from scipy import stats

import kgan

SEEDS = [(0, 0), (0, 1), (1, 0), (-1, 7), (2**31 - 1, -(2**31))]


def drawn(prior, count, seed):
    return lite_sampling.latents(prior, tf.constant(count), tf.constant(seed)).numpy()


class TestSampling:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "prior", [kgan.priors.Normal(7), kgan.priors.Uniform(7), kgan.priors.Uniform(2, 0.0, 5.0)]
    )
    def test_it_is_the_documented_hash(self, prior, seed):
        # float32 knows an angle of 2 pi to 5e-7, and the radius is up to 6.
        np.testing.assert_allclose(
            drawn(prior, 500, seed), hashed_latents(prior, 500, seed), rtol=0, atol=5e-6
        )

    def test_the_distribution_is_the_prior(self):
        normal, uniform = kgan.priors.Normal(100), kgan.priors.Uniform(100, 0.0, 1.0)
        for seed in SEEDS:
            for prior, name in ((normal, "norm"), (uniform, "uniform")):
                x = drawn(prior, 1000, seed).ravel()
                # With twelve seeds and twice the points, the least p-value was 0.12, and the
                # greatest of 96 correlations 2.7 standard errors.
                assert stats.kstest(x, name).pvalue > 0.001
                for lag in (1, 2, 3, 100):
                    assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 4.5 / np.sqrt(len(x))

    def test_seeds_are_independent(self):
        prior = kgan.priors.Normal(100)
        streams = [drawn(prior, 1000, seed).ravel() for seed in SEEDS]
        between = np.corrcoef(streams)[np.triu_indices(len(SEEDS), 1)]
        assert np.abs(between).max() < 4.5 / np.sqrt(len(streams[0]))

    def test_codes_are_one_hot_even_and_independent_of_the_noise(self):
        prior = kgan.priors.Codes(kgan.priors.Normal(3), (4,), continuous=1)
        n = 20_000
        for seed in SEEDS[:3]:
            z = drawn(prior, n, seed)
            # A last bit, as vectorized cosines round by the place in an array.
            np.testing.assert_allclose(z[:, :3], drawn(prior.noise, n, seed), rtol=0, atol=1e-6)
            np.testing.assert_array_equal(np.sort(z[:, 3:7], axis=1), [[0, 0, 0, 1]] * n)
            # Five standard errors.
            assert np.abs(z[:, 3:7].mean(0) - 0.25).max() < 5 * np.sqrt(0.1875 / n)
            assert stats.kstest(z[:, 7], stats.uniform(-1, 2).cdf).pvalue > 0.001
            between = np.corrcoef(z[:, [0, 1, 2, 3, 7]], rowvar=False) - np.eye(5)
            assert np.abs(between).max() < 5 / np.sqrt(n)
            np.testing.assert_allclose(drawn(prior, 50, seed), z[:50], rtol=0, atol=1e-6)
        other = kgan.priors.Codes(kgan.priors.Normal(3), (3, 10))
        assert drawn(other, 1000, (0, 0))[:, 3:].sum() == 2000
        assert not lite_sampling.can_sample(kgan.priors.Codes(Triangular(2), (2,)))

    def test_a_prior_of_somebodys_own_is_left_out_and_said(self, tmp_path, capsys):
        run_dir = make_run(tmp_path / "run", sequential(), Triangular(4))
        export(run_dir, tmp_path / "out", ["tflite"])
        path = tmp_path / "out" / "tflite" / "generator_float32.tflite"
        assert set(Interpreter(str(path)).get_signature_list()) == {"serving_default"}
        said = capsys.readouterr().out
        assert "The TFLite files have no sample: it is there for normal and uniform priors." in said


@keras.saving.register_keras_serializable(package="test_export_sampling")
class Triangular(kgan.priors.Uniform):
    """Somebody's own prior."""

    def sample(self, batch, seed):
        return super().sample(batch, seed) + super().sample(batch, [seed, 1])
