"""Compositions with names, written as they would be asked for, and the suites of stress tests."""

from dataclasses import dataclass

from radapt.shift.table import SHIFTS


@dataclass(frozen=True, slots=True)
class Preset:
    """A composition with a name."""

    about: str
    levels: tuple[str, str, str, str, str]  # severity 1 to 5


def _graded(term: str, values: str) -> tuple[str, str, str, str, str]:
    """Write one cause with five values of its option."""
    first, second, third, fourth, fifth = (f"{term}({value})" for value in values.split())
    return first, second, third, fourth, fifth


def _at_each(*causes: str) -> tuple[str, str, str, str, str]:
    """Write causes at severities 1 to 5 each."""
    first, second, third, fourth, fifth = (
        " + ".join(f"{cause}@{severity}" for cause in causes) for severity in range(1, 6)
    )
    return first, second, third, fourth, fifth


PRESETS: dict[str, Preset] = {
    "portable": Preset(
        "a bedside unit: turned, off the middle, scattered, too few photons, leads and blades in view",
        (
            "rotation@1 + translation@1 + scatter@1 + quantum-noise@1 + ecg-leads@1",
            "rotation@2 + translation@2 + scatter@1 + quantum-noise@2 + ecg-leads@2 + collimation@1",
            "rotation@3 + translation@2 + scatter@2 + quantum-noise@2 + ecg-leads@3 + collimation@2",
            "rotation@4 + translation@3 + scatter@2 + quantum-noise@3 + ecg-leads@4 + collimation@3",
            "rotation@5 + translation@4 + scatter@3 + quantum-noise@4 + ecg-leads@5 + collimation@3",
        ),
    ),
    "film-scan": Preset(
        "an old film on a scanner: crooked, scratched, dusty, darker at the corners, saved as JPEG",
        (
            "skew@1 + gamma@1 + scratches@1 + dust@1 + vignette@1 + jpeg@1",
            "skew@2 + gamma@2 + scratches@2 + dust@2 + vignette@2 + jpeg@1",
            "skew@3 + gamma@2 + scratches@3 + dust@3 + vignette@2 + jpeg@2",
            "skew@4 + gamma@3 + scratches@4 + dust@4 + vignette@3 + jpeg@2",
            "skew@5 + gamma@3 + scratches@5 + dust@5 + vignette@4 + jpeg@3",
        ),
    ),
    "phone-photo": Preset(
        "a screen photographed by telephone: tilted, moire, glare, out of focus, noisy, saved as JPEG",
        (
            "perspective@1 + moire@1 + glare-matte@1 + jpeg@1",
            "perspective@2 + moire@1 + glare-matte@2 + defocus@1 + sensor-noise@1 + jpeg@1",
            "perspective@3 + moire@2 + glare-matte@3 + defocus@1 + sensor-noise@2 + jpeg@2",
            "perspective@4 + moire@3 + glare-matte@3 + glare-glossy@2 + defocus@2 + sensor-noise@2 + jpeg@3",
            "perspective@5 + moire@3 + glare-matte@4 + glare-glossy@3 + defocus@3 + sensor-noise@3 + jpeg@4",
        ),
    ),
    "other-scanner": Preset(
        "another maker's unit: sharpness, noise, contrast, look-up table and marks of its own",
        (
            "kvp@1 + gamma@1 + blur@1 + noise@1 + laterality-marker@1",
            "kvp@2 + gamma@2 + blur@1 + noise@2 + laterality-marker@2",
            "kvp@3 + gamma@3 + blur@2 + noise@2 + clahe@1 + laterality-marker@3",
            "kvp@4 + gamma@3 + blur@2 + noise@2 + clahe@2 + laterality-marker@4 + black-corners@2",
            "kvp@5 + gamma@4 + blur@3 + noise@2 + clahe@3 + laterality-marker@5 + black-corners@3",
        ),
    ),
}

# Di Salvo et al. 2024, arXiv 2406.17536: what MedMNIST-C does to PneumoniaMNIST, at its own five levels.
MEDMNIST_C: dict[str, Preset] = {
    "pixelate": Preset("boxes of 1 / 0.8 to 1 / 0.4 pixels", _graded("pixelate", "0.8 0.7 0.6 0.5 0.4")),
    "jpeg_compression": Preset("JPEG of quality 50 to 7", _graded("jpeg", "50 30 15 10 7")),
    "gaussian_noise": Preset(
        "noise of 4 to 8 % of white in each channel", _graded("white-noise", "0.04 0.05 0.06 0.07 0.08")
    ),
    "speckle_noise": Preset(
        "noise of 5 to 20 % of the level in each channel", _graded("speckle", "0.05 0.07 0.10 0.15 0.20")
    ),
    "impulse_noise": Preset(
        "0.5 to 2 % of each channel's pixels black or white",
        _graded("impulse", "0.005 0.01 0.013 0.017 0.02"),
    ),
    "shot_noise": Preset("300 to 80 photons in each channel's white", _graded("shot", "300 200 150 100 80")),
    "gaussian_blur": Preset("kernels of 3 to 11 pixels", _graded("kernel-blur", "3 5 7 9 11")),
    "brightness_up": Preset("levels times 1.1 to 1.5", _graded("brightness", "1.1 1.2 1.3 1.4 1.5")),
    "brightness_down": Preset("levels times 0.9 to 0.5", _graded("brightness", "0.9 0.8 0.7 0.6 0.5")),
    "contrast_up": Preset("contrast times 1.1 to 1.6", _graded("contrast", "1.1 1.2 1.3 1.4 1.6")),
    "contrast_down": Preset("contrast times 0.9 to 0.4", _graded("contrast", "0.9 0.8 0.7 0.6 0.4")),
    "gamma_corr_up": Preset("a power of 1.1 to 1.6: darker", _graded("power", "1.1 1.2 1.3 1.4 1.6")),
    "gamma_corr_down": Preset("a power of 0.9 to 0.4: brighter", _graded("power", "0.9 0.8 0.7 0.6 0.4")),
}

# Phillips et al. 2020, arXiv 2007.06199: CheXphoto's synthetic list at its own levels 1 to 4; the fifth goes
# on from there. Brightness, contrast and exposure are its own, without the jitter of 0.01. The others are the
# nearest of radapt's causes, as strong on the average. Its lengths in pixels are for films of any size: they
# are taken for one 1,245 wide, as is the film that it shows them on. What is alike at all of its levels is
# left out: black about what is turned or tilted, and 8 % cut off from each side of what is moved.
CHEXPHOTO: dict[str, Preset] = {
    # 1.5 3 6 10 15 of 1,245 pixels
    "chexphoto_blur": Preset("a Gaussian of 0.3 to 2.7 pixels", _graded("blur", "0.27 0.54 1.08 1.8 2.7")),
    # 2 10 25 45 70 of 1,245 pixels; its own always across
    "chexphoto_motion": Preset(
        "moved by 0.4 to 12.6 pixels", _graded("motion-blur", "0.36 1.8 4.5 8.1 12.6")
    ),
    # 50 to 250 of 1,245 pixels, up to 100 to 250 of 255 white in the middle
    "chexphoto_glare_matte": Preset(
        "a soft patch of 39 to 80 % white, 4 to 26 % of the width in radius",
        _graded("glare-matte", "0.49,0.04 0.93,0.082 1,0.14 1,0.2 1,0.26"),
    ),
    # an even box of 12.5 to 52.5 % of the width and of the height
    "chexphoto_glare_glossy": Preset(
        "the image of a window, as large as a box of 13 to 53 % of the width, 71 to 80 % white",
        _graded("glare-glossy", "0.88,0.185 0.98,0.33 1,0.48 1,0.63 1,0.78"),
    ),
    # corners in by up to 5 to 25 % of the width and height, each for itself: as unequal opposite sides
    "chexphoto_tilt": Preset("tilted by up to 3.7 to 19 degrees", _graded("perspective", "3.7 7.4 11 15 19")),
    # two gratings of lines 5 to 50 % black; as much light lost, and bands of as much contrast
    "chexphoto_moire": Preset(
        "bands of up to 1 to 25 % more and less light, and 0.5 to 58 % of it lost",
        (
            "moire(0.011) + brightness(0.995)",
            "moire(0.03) + brightness(0.95)",
            "moire(0.066) + brightness(0.81)",
            "moire(0.18) + brightness(0.56)",
            "moire(0.25) + brightness(0.42)",
        ),
    ),
    # its own always by so many
    "chexphoto_rotation": Preset("turned by up to 5 to 25 degrees", _graded("rotation", "5 10 15 20 25")),
    # 20 to 100 of 1,245 pixels, its own always by so many
    "chexphoto_translation": Preset(
        "moved by up to 1.6 to 8 % of the width and height",
        _graded("translation", "0.016 0.032 0.048 0.064 0.08"),
    ),
    "chexphoto_brightness_up": Preset("levels times 1.1 to 2", _graded("brightness", "1.1 1.4 1.6 1.8 2")),
    "chexphoto_brightness_down": Preset(
        "levels divided by 1.2 to 3", _graded("brightness", "0.833 0.556 0.455 0.385 0.333")
    ),
    "chexphoto_contrast_up": Preset("contrast times 1.1 to 2", _graded("contrast", "1.1 1.4 1.6 1.8 2")),
    "chexphoto_contrast_down": Preset(
        "contrast divided by 1.2 to 3", _graded("contrast", "0.833 0.556 0.455 0.385 0.333")
    ),
    "chexphoto_exposure": Preset(
        "an S-shaped curve from 8 to 92 % of white, alike at every level as its own is",
        _graded("sigmoid", "0.5,5 0.5,5 0.5,5 0.5,5 0.5,5"),
    ),
}

# One of a suite for each film, drawn.
MIXED: dict[str, tuple[str, dict[str, Preset]]] = {
    "medmnist-c": ("one of MedMNIST-C's 13 corruptions of PneumoniaMNIST for each film", MEDMNIST_C),
    "chexphoto": ("one of CheXphoto's 13 synthetic changes for each film", CHEXPHOTO),
}

# What a stress test goes through.
SUITES: dict[str, tuple[str, ...]] = {
    "all": tuple(SHIFTS),
    "medmnist-c": tuple(MEDMNIST_C),
    "chexphoto": tuple(CHEXPHOTO),
    "presets": tuple(PRESETS),
}


def composed(name: str) -> Preset | None:
    """Give the composition of this name, if there is one."""
    return next((found[name] for found in (PRESETS, MEDMNIST_C, CHEXPHOTO) if name in found), None)


def about_shifts() -> dict[str, tuple[str, str]]:
    """Say of every shift by its name of what kind it is and what it does."""
    about = {name: (kind.group, kind.about) for name, kind in SHIFTS.items()}
    about |= {name: ("preset", preset.about) for name, preset in PRESETS.items()}
    for suite, (text, members) in MIXED.items():
        about[suite] = ("preset", text)
        about |= {name: (suite, preset.about) for name, preset in members.items()}
    return about | {
        "seed": ("preset", "what the original demonstration did, matched to Keras; of one strength")
    }
