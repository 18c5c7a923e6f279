"""Every two parts of a game together: a covering set of combinations, each trained shortly."""

import inspect
import itertools

import numpy as np
import pytest

import kgan
from kgan import losses, networks, penalties
from train.choices import LOSSES

SHAPE, CLASSES, LATENT, BATCH = (8, 8, 1), 3, 4, 4

PENALTIES = {
    "no penalty": {},
    "R1": {"penalties": penalties.R1()},
    "R2, lazy": {"penalties": penalties.R2(), "penalty_interval": 3},
    "GradientPenalty": {"penalties": penalties.GradientPenalty()},
}
FAMILIES = {
    "MLP": {"units": (6,)},
    "DCGAN": {"filters": 2},
    "ResNet": {"filters": 8},
    "SNGAN": {"filters": 3},
}
# Tracing a step of residual blocks takes as long as about eight eager ones.
EAGER = ("ResNet", "SNGAN")
AXES = {
    "loss": list(LOSSES),
    "penalty": list(PENALTIES),
    "family": list(FAMILIES),
    "classes": [None, CLASSES],
    "ema_decay": [None, 0.9],
    "augmentation": [None, kgan.augmentation.DiffAugment()],
    "packing": [1, 2],
    "clipping": [None, kgan.constraints.WeightClip(0.1)],
}


def contradicts(case):
    """What no game can have: asserted below to be refused."""
    return case["penalty"] == "GradientPenalty" and case["clipping"] is not None


def pairs(case):
    """All pairs of choices of a case, each choice by the name of its axis and its place on it."""
    places = [(axis, AXES[axis].index(choice)) for axis, choice in case.items()]
    return set(itertools.combinations(places, 2))


def cases():
    """Every combination that may be."""
    products = (dict(zip(AXES, case, strict=True)) for case in itertools.product(*AXES.values()))
    return [case for case in products if not contradicts(case)]


def covering(choices):
    """Cases that have all pairs, chosen greedily: the next is one that adds the most."""
    found = [(case, pairs(case)) for case in choices]
    left, chosen = set().union(*(having for _, having in found)), []
    while left:
        case, having = max(found, key=lambda one: len(one[1] & left))
        chosen.append(case)
        left -= having
    return chosen


CHOSEN = covering(cases())


def named(case):
    chosen = [(axis, choice) for axis, choice in case.items() if choice not in (None, 1)]
    return "-".join(choice if isinstance(choice, str) else axis for axis, choice in chosen)


def make_gan(case):
    family, options = case["family"], {**FAMILIES[case["family"]], "num_classes": case["classes"]}
    packed = (*SHAPE[:2], case["packing"] * SHAPE[2])
    gan = kgan.GAN(
        getattr(networks, f"{family}Generator")(SHAPE, LATENT, **options),
        getattr(networks, f"{family}Discriminator")(
            packed, weight_constraint=case["clipping"], **options
        ),
        kgan.priors.Normal(LATENT),
        **{name: case[name] for name in ("ema_decay", "augmentation", "packing")},
    )
    adams = [kgan.optimizers.FusedAdam(1e-3, beta_1=0.5) for _ in range(2)]
    eager = family in EAGER
    gan.compile(*adams, loss=case["loss"], run_eagerly=eager, **PENALTIES[case["penalty"]])
    return gan


@pytest.mark.slow
@pytest.mark.parametrize("case", CHOSEN, ids=named)
def test_any_two_parts_play_together(case):
    """The loss falls nowhere into NaN, both players move, and each part does its work."""
    gan = make_gan(case)
    before = gan.generator.get_weights(), gan.discriminator.get_weights()
    steps = 4 if gan.run_eagerly else 20
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (steps * BATCH, *SHAPE)).astype("float32")
    labels = rng.integers(CLASSES, size=len(images)) if case["classes"] else None
    logs = gan.fit(images, labels, batch_size=BATCH, verbose=0).history
    assert int(gan.step_counter) == steps
    assert all(np.isfinite(values).all() for values in logs.values())
    assert all(np.isfinite(weight).all() for weight in gan.get_weights())
    after = gan.generator.get_weights(), gan.discriminator.get_weights()
    for start, end in zip(before, after, strict=True):
        assert any((a != b).any() for a, b in zip(start, end, strict=True))
    if case["clipping"]:
        weights = gan.discriminator.trainable_variables
        assert max(np.abs(weight).max() for weight in weights) <= 0.1
    samples = gan.sample(5)
    assert samples.shape == (5, *SHAPE)
    assert np.isfinite(samples).all()


def test_every_pair_of_choices_is_among_the_cases():
    """Counted anew, and in nearly as few cases as two axes alone need, 7 losses x 4 penalties."""
    for one, other in itertools.combinations(AXES, 2):
        for pair in itertools.product(AXES[one], AXES[other]):
            found = any((case[one], case[other]) == pair for case in CHOSEN)
            assert found != (pair == ("GradientPenalty", AXES["clipping"][1])), (one, other, pair)
    assert 28 <= len(CHOSEN) <= 31


def test_parts_that_contradict_each_other_are_refused():
    case = {**CHOSEN[0], "penalty": "GradientPenalty", "clipping": AXES["clipping"][1]}
    assert contradicts(case)
    with pytest.raises(
        ValueError, match=r"`penalties`: expected no GradientPenalty for .*WeightClip"
    ):
        make_gan(case)


def test_no_part_of_the_library_is_missing():
    """A new loss, penalty or family fails here until it has its place on an axis."""

    def parts(room, base):
        found = [getattr(room, name) for name in room.__all__]
        return {c for c in found if inspect.isclass(c) and issubclass(c, base) and c is not base}

    assert {type(losses.get(name)) for name in LOSSES} == parts(losses, losses.AdversarialLoss)
    given = {type(options["penalties"]) for options in PENALTIES.values() if options}
    assert given == parts(penalties, penalties.Penalty)
    # test_variants_pix2pix.py and test_variants_cyclegan.py
    from_images = {networks.UNetGenerator, networks.ResNetTranslator, networks.PatchDiscriminator}
    for base in (networks.Generator, networks.Discriminator):
        classes = {getattr(networks, f"{family}{base.__name__}") for family in FAMILIES}
        assert classes == parts(networks, base) - from_images
