"""Options that must fit each other: the variant of the game, its networks and its condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choices import (
    MASKED,
    NETWORKS,
    TRANSLATORS,
    VARIANT_NETWORKS,
    parse_codes,
)

if TYPE_CHECKING:
    from .config import Config


def check_variant(config: Config) -> None:
    """Check that the condition is an image where, and only where, the network takes one."""
    having = VARIANT_NETWORKS.get(config.variant or "", NETWORKS)
    if config.network not in having:
        have = "have" if len(having) > 1 else "has"
        raise ValueError(
            f"--variant={config.variant}: --network={config.network} has no such option; "
            f"{', '.join(having)} {have} it."
        )
    if config.semi_supervised:
        _check_labelled(config)
    if config.variant == "any_conditional":
        _check_masks(config)
    if config.variant == "bigan" and config.conditional:
        raise ValueError(
            "--conditional: expected none beside --variant=bigan, whose encoder makes latents "
            "of images alone."
        )
    if config.variant in ("infogan", "acgan"):
        _check_head(config)
    if config.variant == "cyclegan":
        _check_domains(config)
    elif config.condition is None:
        if config.network == "unet" or having == TRANSLATORS:
            asking = f"--variant={config.variant}" if config.variant else "--network=unet"
            raise ValueError(
                f"{asking}: expected --condition beside it, the image that images are made of."
            )
    elif config.network not in TRANSLATORS:
        raise ValueError(
            f"--condition={config.condition} and --network={config.network}: expected one of "
            f"{', '.join(TRANSLATORS)} for --network, which make images of images."
        )
    elif config.network != "unet" and config.condition in MASKED:
        raise ValueError(
            f"--network={config.network}: expected unet for --condition={config.condition}, whose "
            "given pixels it gives back unchanged."
        )
    if config.condition is not None and config.conditional:
        raise ValueError(
            f"--conditional: expected none beside --condition={config.condition}, as an image "
            "has one condition."
        )
    given_images = config.unpaired or config.condition is not None
    if config.latent_dim and given_images and config.network == "resnet":
        raise ValueError(
            f"--latent_dim={config.latent_dim}: expected 0 for --network=resnet beside an image, "
            "of which it makes one. unet takes latents."
        )
    if not config.latent_dim and not given_images:
        raise ValueError(
            f"--latent_dim=0: expected a positive integer for --network={config.network}, whose "
            "samples are made of latents."
        )


def _check_labelled(config: Config) -> None:
    """Check that the discriminator can be a classifier of single images."""
    refused = {
        "conditional": "whose networks do not receive the classes",
        "condition": "whose generator makes images of latents alone",
    }
    for name, reason in refused.items():
        value = getattr(config, name)
        if value:
            given = f"--{name}" if value is True else f"--{name}={value}"
            raise ValueError(f"{given}: expected none beside --variant=semi_supervised, {reason}.")
    if config.packing > 1:
        raise ValueError(
            f"--packing={config.packing}: expected 1 for --variant=semi_supervised, whose "
            "discriminator tells the class of one image."
        )
    if config.consistency_weight and not config.labelled_augmentation:
        raise ValueError(
            f"--consistency_weight={config.consistency_weight:g}: expected --labelled_augmentation "
            "beside it, whose changes images without labels are to withstand. Pass that, or "
            "--consistency_weight=0."
        )


def _check_masks(config: Config) -> None:
    """Check that conditions have masks, and samples of one condition may differ."""
    if config.condition not in MASKED:
        raise ValueError(
            f"--condition={config.condition}: expected one of {', '.join(MASKED)} for "
            "--variant=any_conditional, which is what samples and evaluations are given."
        )
    if not config.latent_dim and config.diversity_weight != 0:
        raise ValueError(
            "--latent_dim=0: expected a positive integer for --variant=any_conditional, or "
            "--diversity_weight=0 beside it, as samples differ by their latents."
        )


def _check_head(config: Config) -> None:
    """Check that there is what the head reads: codes of single images, or their class."""
    if config.packing > 1:
        raise ValueError(
            f"--packing={config.packing}: expected 1 for --variant={config.variant}, whose "
            "discriminator reads single images."
        )
    if config.variant == "acgan" and not config.conditional:
        raise ValueError(
            "--variant=acgan: expected --conditional beside it, as the discriminator learns to "
            "name the class of the labels."
        )
    if config.variant == "infogan":
        _check_codes(config)


def _check_codes(config: Config) -> None:
    """Check that there are codes, and latents beside them."""
    if config.conditional:
        raise ValueError(
            "--conditional: expected none beside --variant=infogan, whose codes take the place "
            "of labels."
        )
    if config.codes is None:
        raise ValueError(
            "--variant=infogan: expected --codes beside it, such as --codes=10,c,c for one of "
            "10 values and two continuous ones."
        )
    categorical, continuous = parse_codes(config.codes)
    if config.categorical_augmentation and not categorical:
        raise ValueError(
            "--categorical_augmentation: expected a categorical code in --codes, such as 10,c, "
            f"received --codes={config.codes}. --categorical_augmentation=False does without."
        )
    if config.latent_dim <= sum(categorical) + continuous:
        raise ValueError(
            f"--latent_dim={config.latent_dim}: expected more than the "
            f"{sum(categorical) + continuous} numbers of --codes={config.codes}, which are a "
            "part of a latent; the rest is noise. The paper has 62 of noise."
        )


def _check_domains(config: Config) -> None:
    """Check that there are two domains, and nothing that a game on them lacks."""
    if config.dataset_y is None and config.condition is None:
        raise ValueError(
            "--variant=cyclegan: expected --dataset_y=NAME or DIR, the second domain, or "
            "--condition, which makes it, received neither."
        )
    if config.latent_dim:
        raise ValueError(
            f"--latent_dim={config.latent_dim}: expected 0 for --variant=cyclegan, whose "
            "generators make one image of each image."
        )
    if config.packing > 1:
        raise ValueError(
            f"--packing={config.packing}: expected 1 for --variant=cyclegan, whose "
            "discriminators see single images."
        )
    if config.conditional:
        raise ValueError(
            "--conditional: expected none beside --variant=cyclegan, as images without pairs "
            "have no labels in common."
        )
