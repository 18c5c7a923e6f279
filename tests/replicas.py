"""Train on several replicas and print the results as JSON, for test_training_distribution.py.

    python tests/replicas.py mirrored WEIGHTS    on two logical CPUs
    python tests/replicas.py worker WEIGHTS      as one of the workers that TF_CONFIG names

TensorFlow's devices are fixed once a process uses them, so these are processes of their own.
WEIGHTS is an .npz file to write: the end of the same game in both.
"""

import json
import sys
import tempfile
import warnings

import keras
import numpy as np
import tensorflow as tf

import kgan
from kgan import checkpoint, masks
from kgan import gan as gan_module
from kgan.training import seeds
from kgan.training.seeds import STREAMS

SHAPE = (8, 8, 1)
STEPS, BATCH = 10, 32


class _Shared:
    """Gives each replica its share of what one replica would have drawn."""

    def sample(self, batch, seed):
        number = tf.distribute.get_strategy().num_replicas_in_sync
        if number == 1 or tf.distribute.in_cross_replica_context():
            return super().sample(batch, seed)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        alone = tf.stack([seed[0], seed[1] - STREAMS * tf.cast(replica, tf.int64)])
        return super().sample(batch * number, alone)[replica * batch : (replica + 1) * batch]


class Shared(_Shared, kgan.priors.Normal):
    pass


class SharedCodes(_Shared, kgan.priors.Codes):
    pass


def images(k, shared):
    """Ten batches; minibatch j has the same rows for two replicas as for one."""
    rows = np.random.default_rng(0).uniform(-1, 1, (STEPS, k, 2, BATCH // 2, *SHAPE))
    if shared:  # a replica gets one half of the batch, and makes k minibatches of it
        rows = rows.transpose(0, 2, 1, 3, 4, 5, 6)
    return rows.reshape(-1, *SHAPE).astype("float32")


def play(strategy, optimizer, k=1, convolutional=False, prior=Shared, data=None, **options):
    """The game after ten steps of 32 images."""
    with strategy.scope():
        keras.utils.set_random_seed(0)
        dtype = options.pop("dtype", "float32")
        made = options.pop("networks", None)
        if made:
            generator, discriminator = made()
        elif convolutional:
            generator = kgan.networks.DCGANGenerator(SHAPE, 4, filters=4)
        else:
            generator = kgan.networks.MLPGenerator(SHAPE, 4, units=(8,), dtype=dtype)
        if not made:
            discriminator = kgan.networks.MLPDiscriminator(SHAPE, units=(8,), dtype=dtype)
        gan = kgan.GAN(generator, discriminator, prior(4), discriminator_steps=k, dtype=dtype)
        gan.compile(optimizer(), optimizer(), **options)
        if data is not None:
            gan.value_range = None  # the data are to overflow, and `fit` would refuse them
        else:
            data = images(k, strategy.num_replicas_in_sync > 1)
        gan.history_ = gan.fit(batches(data, k), verbose=0).history
    return gan


def regularized(normalization=False, **regularizers):
    """A function that makes two networks whose layers add losses."""

    def networks():
        layers = keras.layers
        generator = [layers.Dense(64, "tanh", **regularizers), layers.Reshape(SHAPE)]
        hidden = [layers.Flatten(), layers.Dense(8, **regularizers)]
        hidden += [layers.BatchNormalization()] if normalization else []
        discriminator = [keras.Input(SHAPE), *hidden, layers.Dense(1)]
        return keras.Sequential([keras.Input((4,)), *generator]), keras.Sequential(discriminator)

    return networks


def translator(strategy):
    """A game of pairs after ten steps: the negative of each image is its condition."""
    shapes, data = {"image_shape": SHAPE, "condition_shape": SHAPE}, images(1, False)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = kgan.variants.Pix2Pix(
            kgan.networks.UNetGenerator(**shapes, filters=2),
            kgan.networks.PatchDiscriminator(**shapes, filters=2),
        )
        # At a rate of 0.1, the L1 term of weight 100 makes rounding grow without bound.
        gan.compile(*(keras.optimizers.SGD(1e-3) for _ in range(2)))
        gan.fit(batches((data, -data), 1), verbose=0)
    return gan


class FixedMasks(kgan.variants.AnyConditional):
    """Whose masks follow from the images, and so are the same however these are divided."""

    def random_conditions(self, images, seed):
        return self._pair(images)[1]


def completer(strategy):
    """A game of all masks after ten steps, without latents, which differ between replicas."""
    shapes = {"image_shape": SHAPE, "condition_shape": (*SHAPE[:2], SHAPE[2] + 1)}
    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = FixedMasks(
            kgan.networks.UNetGenerator(**shapes, filters=2, keep_given=True),
            kgan.networks.PatchDiscriminator(**shapes, filters=2),
            diversity_weight=0.0,
        )
        gan.compile(*(keras.optimizers.SGD(1e-3) for _ in range(2)))
        gan.fit(gan._paired(batches(images(1, False), 1)), verbose=0)
    return gan


def unpaired(strategy):
    """A game of two domains after ten steps, whose pools have been full since the first."""
    data = images(1, False)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = kgan.variants.CycleGAN(
            *(kgan.networks.UNetGenerator(SHAPE, SHAPE, filters=2) for _ in range(2)),
            *(kgan.networks.PatchDiscriminator(SHAPE, filters=2) for _ in range(2)),
            pool_size=BATCH // 2,
        )
        gan.compile(*(keras.optimizers.SGD(1e-2) for _ in range(2)))
        gan.fit(batches((data, -data), 1), verbose=0)
    return gan


def few_labels(strategy):
    """A semi-supervised game after ten steps, whose draws are of the whole labelled set."""
    data = images(1, False)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = kgan.variants.SemiSupervisedGAN(
            kgan.networks.MLPGenerator(SHAPE, 4, units=(8,)),
            kgan.networks.MLPDiscriminator(SHAPE, units=(8,), classes=2),
            Shared(4),
            labelled=(data[:8], np.arange(8) % 2),
            labelled_batch_size=8,
            feature_matching=False,  # whose means are those of a replica's own images
            ema_decay=0.5,
        )
        gan.compile(*(keras.optimizers.SGD(0.1) for _ in range(2)))
        gan.fit(batches(data, 1), verbose=0)
    return gan


def encoded(strategy):
    """A game of pairs of images and latents after ten steps."""
    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = kgan.variants.BiGAN(
            kgan.networks.MLPGenerator(SHAPE, 4, units=(8,)),
            kgan.networks.MLPDiscriminator((8 * 8 + 4,), units=(8,)),
            kgan.networks.MLPEncoder(SHAPE, 4, units=(8,)),
            Shared(4),
        )
        gan.compile(*(keras.optimizers.SGD(0.1) for _ in range(2)))
        gan.fit(batches(images(1, strategy.num_replicas_in_sync > 1), 1), verbose=0)
    return gan


def with_head(strategy, variant):
    """A game whose discriminator has a head, after ten steps."""
    data, acgan = images(1, False), variant is kgan.variants.ACGAN
    with strategy.scope():
        keras.utils.set_random_seed(0)
        prior = Shared(4) if acgan else SharedCodes(kgan.priors.Normal(2), (3,), continuous=1)
        gan = variant(
            kgan.networks.MLPGenerator(SHAPE, prior.dim, (8,), num_classes=3 if acgan else None),
            kgan.networks.MLPDiscriminator(SHAPE, (8,)),
            prior,
        )
        gan.compile(sgd()(), sgd()())
        labels = np.arange(len(data)) % 3
        gan.fit(batches((data, labels) if acgan else data, 1), verbose=0)
    return gan


def batches(data, k):
    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH * k, drop_remainder=True)


def difference(one, other):
    return max(
        float(np.abs(a - b).max())
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True)
    )


def sgd(**options):
    return lambda: keras.optimizers.SGD(0.1, **options)


def adam():
    return keras.optimizers.Adam(2e-4, 0.5)


def reduced(gan, data, k):
    """How many numbers each all-reduce of one step carries, on one of the replicas."""
    strategy = gan.distribute_strategy
    batch = next(iter(strategy.experimental_distribute_dataset(batches(data, k))))
    step = tf.function(lambda batch: strategy.run(gan.train_step, args=(batch,)))
    graph = step.get_concrete_function(batch).graph
    nodes = [op for op in graph.get_operations() if op.type == "CollectiveReduceV2"]
    first = nodes[0].device
    return [int(np.prod(op.inputs[0].shape)) for op in nodes if op.device == first]


def the_same_game(strategy):
    """With noise of each replica's own."""
    return play(strategy, sgd(), 2, prior=kgan.priors.Normal)


def worker():
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    gan = the_same_game(strategy)
    np.savez(sys.argv[2], *gan.get_weights())
    print(json.dumps({"replicas": strategy.num_replicas_in_sync, "step": gan.step}))


def mirrored():
    warnings.simplefilter("error", DeprecationWarning)
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one = tf.distribute.get_strategy()
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {"replicas": two.num_replicas_in_sync}

    for k in (2, 1):
        alone, shared = (play(strategy, sgd(), k) for strategy in (one, two))
        found[f"sgd_{k}"] = difference(alone, shared)
        logs = [gan.history_ for gan in (alone, shared)]
        found[f"logs_{k}"] = max(abs(logs[0][name][0] - logs[1][name][0]) for name in logs[0])
    several = play(two, sgd(), steps_per_execution=2)
    found["steps_per_execution"] = difference(several, shared)
    found["adam"] = difference(play(one, adam), play(two, adam))
    clipped = [play(strategy, sgd(global_clipnorm=0.05)) for strategy in (one, two)]
    found["clipped"] = difference(*clipped)
    found["not_clipped"] = difference(clipped[0], alone)

    normalised = [play(strategy, sgd(), convolutional=True) for strategy in (one, two)]
    found["batch_normalization"] = difference(*normalised)
    kept, gan_module.synchronize = gan_module.synchronize, lambda player: None
    found["batch_normalization_apart"] = difference(
        normalised[0], play(two, sgd(), convolutional=True)
    )
    gan_module.synchronize = kept

    kept, gan_module.replicas = gan_module.replicas, lambda: 1
    found["not_divided"] = difference(alone, play(two, sgd()))
    gan_module.replicas = kept

    plain = play(one, sgd(), 2, networks=regularized())
    for name in ("kernel_regularizer", "activity_regularizer"):
        networks = regularized(**{name: keras.regularizers.L2(0.1)})
        alone, shared = (play(strategy, sgd(), 2, networks=networks) for strategy in (one, two))
        found[name] = [difference(alone, shared), difference(alone, plain)]
    try:
        play(two, sgd(), networks=regularized(True, activity_regularizer="l2"))
    except ValueError as error:
        found["state"] = str(error)

    gan = the_same_game(two)
    np.savez(sys.argv[2], *gan.get_weights())
    latents = two.run(lambda: gan.prior.sample(4, gan._seed(0, tf.constant(7, tf.int64))))
    first, second = (part.numpy() for part in two.experimental_local_results(latents))
    found["same_noise"] = bool((first == second).any())
    found["reduced"] = reduced(gan, images(2, True), 2)
    found["parameters"] = [gan.discriminator.count_params(), gan.generator.count_params()]

    # Resumed from a file, it goes on as it would have gone on.
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write(f"{folder}/a.npz", gan, {})
        gan.fit(batches(images(2, True), 2), verbose=0)
        again = the_same_game(two)  # of another past
        arrays, _ = checkpoint.read(f"{folder}/a.npz")
        checkpoint.restore(again, arrays)
        again.fit(batches(images(2, True), 2), verbose=0)
        found["resumed"] = difference(again, gan)

    # Gradients that overflow on one replica alone: neither moves, and both halve the loss scale.
    data = images(1, True)
    data[: BATCH // 2] = 1e4  # of the first step, the first replica's half
    half = play(two, sgd(), dtype="mixed_float16", data=data)
    optimizer = half.discriminator_optimizer
    found["updates"] = int(optimizer.iterations.numpy())
    found["loss_scale"] = float(optimizer.dynamic_scale.numpy())
    found["finite"] = all(bool(np.isfinite(weight).all()) for weight in half.get_weights())

    for variant in (kgan.variants.ACGAN, kgan.variants.InfoGAN):
        found[variant.__name__] = difference(*(with_head(each, variant) for each in (one, two)))
    found["pairs"] = difference(*(translator(strategy) for strategy in (one, two)))
    alone, shared = (completer(strategy) for strategy in (one, two))
    found["masks_fixed"] = difference(alone, shared)
    drawn = two.run(
        lambda: masks.random_masks(4, SHAPE[:2], shared._seed(seeds.MASKS, tf.constant(7)))
    )
    first, second = (part.numpy() for part in two.experimental_local_results(drawn))
    found["same_masks"] = bool((first == second).all((1, 2, 3)).any())
    found["encoded"] = difference(*(encoded(strategy) for strategy in (one, two)))
    alone, shared = (unpaired(strategy) for strategy in (one, two))
    found["unpaired"] = difference(alone, shared)
    pools = [two.experimental_local_results(pool.images.value) for pool in shared.pools]
    found["pools"] = max(float(np.abs(a.numpy() - b.numpy()).max()) for a, b in pools)
    found["pool"] = [int(pool.count.numpy()) for pool in shared.pools]
    alone.pools[0].images.assign(alone.pools[1].images)
    found["other_pool"] = difference(alone, shared)

    found["few_labels"] = difference(*(few_labels(strategy) for strategy in (one, two)))

    try:
        play(two, sgd(), jit_compile=True)
    except ValueError as error:
        found["jit_compile"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    {"mirrored": mirrored, "worker": worker}[sys.argv[1]]()
