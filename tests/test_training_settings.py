"""What two trainings are compared by."""

import warnings

import keras
import numpy as np

import kgan
from kgan.training.settings import settings


class Prior(kgan.priors.Normal):
    def get_config(self):
        warnings.warn("somebody's own", stacklevel=1)
        return super().get_config()


class Centred(kgan.priors.Normal):
    def get_config(self):
        return {"centre": np.array([1.0, 2.0]), "spread": np.float32(0.5)}


class Broken(kgan.priors.Normal):
    def get_config(self):
        raise TypeError("a lambda inside")


def of_prior(prior):
    gan = kgan.GAN(
        kgan.networks.MLPGenerator((4, 4, 1), 2, units=(4,)),
        kgan.networks.MLPDiscriminator((4, 4, 1), units=(4,)),
        prior,
    )
    gan.compile(keras.optimizers.SGD(0.25), "adam")
    return {name: value for name, value in settings(gan).items() if name.startswith("prior")}


def test_what_a_configuration_warns_of_is_not_shown():
    assert of_prior(Prior(2)) == {"prior": "Prior", "prior.dim": 2}


def test_numbers_of_numpy_count_by_their_values():
    assert of_prior(Centred(2)) == {
        "prior": "Centred",
        "prior.centre": [1.0, 2.0],
        "prior.spread": 0.5,
    }


def test_what_cannot_tell_its_configuration_counts_by_its_class():
    assert of_prior(Broken(2)) == {"prior": "Broken"}


def double(x):
    return 2 * x


class Deep(kgan.priors.Normal):
    def get_config(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
        return {
            "parts": [kgan.penalties.R1(0.5), 3, "x"],
            "serialized": keras.saving.serialize_keras_object(kgan.penalties.R2(0.25)),
            "without_arguments": {"class_name": "Mine"},
            "mapping": {"a": {"b": (1.5, None)}},
            "function": double,
            "object": object(),
            "rate": schedule,
        }


def test_parts_count_by_their_names():
    assert of_prior(Deep(2)) == {
        "prior": "Deep",
        "prior.parts": ["R1", 3, "x"],
        "prior.parts.0.gamma": 0.5,
        "prior.serialized": "R2",
        "prior.serialized.gamma": 0.25,
        "prior.without_arguments": "Mine",
        "prior.mapping.a.b": [1.5, None],
        "prior.function": "double",
        "prior.object": "object",
        "prior.rate": "ExponentialDecay",
        "prior.rate.initial_learning_rate": 0.1,
        "prior.rate.decay_steps": 5,
        "prior.rate.decay_rate": 0.5,
        "prior.rate.staircase": False,
    }
