"""Named compositions of corruptions, as expressions, and the suites of stress tests."""

from dataclasses import dataclass

from radapt.shift.table import SHIFTS


@dataclass(frozen=True, slots=True)
class Preset:
    """A named composition: a description, and an expression for each severity."""

    about: str
    levels: tuple[str, str, str, str, str]  # severity 1 to 5


def _graded(term: str, values: str) -> tuple[str, str, str, str, str]:
    """Return the expressions of one corruption with five values of its options."""
    first, second, third, fourth, fifth = (f"{term}({value})" for value in values.split())
    return first, second, third, fourth, fifth


PRESETS: dict[str, Preset] = {
    "portable": Preset(
        "a bedside unit: rotated, off centre, with scatter, photon noise, ECG leads and collimation",
        (
            "rotation@1 + translation@1 + scatter@1 + quantum-noise@1 + ecg-leads@1",
            "rotation@2 + translation@2 + scatter@1 + quantum-noise@2 + ecg-leads@2 + collimation@1",
            "rotation@3 + translation@2 + scatter@2 + quantum-noise@2 + ecg-leads@3 + collimation@2",
            "rotation@4 + translation@3 + scatter@2 + quantum-noise@3 + ecg-leads@4 + collimation@3",
            "rotation@5 + translation@4 + scatter@3 + quantum-noise@4 + ecg-leads@5 + collimation@3",
        ),
    ),
    "scan": Preset(
        "a scanned analogue image: rotated, scratched, dusty, darker at the corners, saved as JPEG",
        (
            "skew@1 + gamma@1 + scratches@1 + dust@1 + vignette@1 + jpeg@1",
            "skew@2 + gamma@2 + scratches@2 + dust@2 + vignette@2 + jpeg@1",
            "skew@3 + gamma@2 + scratches@3 + dust@3 + vignette@2 + jpeg@2",
            "skew@4 + gamma@3 + scratches@4 + dust@4 + vignette@3 + jpeg@2",
            "skew@5 + gamma@3 + scratches@5 + dust@5 + vignette@4 + jpeg@3",
        ),
    ),
    "phone-photo": Preset(
        "a screen photographed by phone: tilted, with moire and glare, out of focus, noisy, saved as JPEG",
        (
            "perspective@1 + moire@1 + glare-matte@1 + jpeg@1",
            "perspective@2 + moire@1 + glare-matte@2 + defocus@1 + sensor-noise@1 + jpeg@1",
            "perspective@3 + moire@2 + glare-matte@3 + defocus@1 + sensor-noise@2 + jpeg@2",
            "perspective@4 + moire@3 + glare-matte@3 + glare-glossy@2 + defocus@2 + sensor-noise@2 + jpeg@3",
            "perspective@5 + moire@3 + glare-matte@4 + glare-glossy@3 + defocus@3 + sensor-noise@3 + jpeg@4",
        ),
    ),
    "other-scanner": Preset(
        "another vendor's unit: other sharpness, noise, contrast, look-up table and marks",
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
    "pixelate": Preset(
        "pixels averaged over boxes 1 / 0.8 to 1 / 0.4 wide", _graded("pixelate", "0.8 0.7 0.6 0.5 0.4")
    ),
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
    "gaussian_blur": Preset(
        "Gaussian blur with kernels of 3 to 11 pixels", _graded("kernel-blur", "3 5 7 9 11")
    ),
    "brightness_up": Preset("levels times 1.1 to 1.5", _graded("brightness", "1.1 1.2 1.3 1.4 1.5")),
    "brightness_down": Preset("levels times 0.9 to 0.5", _graded("brightness", "0.9 0.8 0.7 0.6 0.5")),
    "contrast_up": Preset("contrast times 1.1 to 1.6", _graded("contrast", "1.1 1.2 1.3 1.4 1.6")),
    "contrast_down": Preset("contrast times 0.9 to 0.4", _graded("contrast", "0.9 0.8 0.7 0.6 0.4")),
    "gamma_corr_up": Preset(
        "levels raised to a power of 1.1 to 1.6: darker", _graded("power", "1.1 1.2 1.3 1.4 1.6")
    ),
    "gamma_corr_down": Preset(
        "levels raised to a power of 0.9 to 0.4: brighter", _graded("power", "0.9 0.8 0.7 0.6 0.4")
    ),
}

# Phillips et al. 2020, arXiv 2007.06199: CheXphoto's synthetic transformations. Severities 1 to 4 are its own
# levels, 5 extrapolates them. `radapt.shift.chexphoto` has the corruptions, and says what cannot be matched.
# Lengths are in pixels of an image 1,245 wide. Its combinations of two or three are left out: compose them.
CHEXPHOTO: dict[str, Preset] = {
    # 1.5, 3, 6, 10 and 15 of 1,245 pixels; CheXphoto blurs by Pillow, with three box filters
    "chexphoto_blur": Preset(
        "Gaussian blur of 1.5 to 15 pixels of 1,245", _graded("blur", "0.2699 0.5398 1.0795 1.7992 2.6988")
    ),
    "chexphoto_motion": Preset(
        "motion blur over 2 to 70 pixels of 1,245", _graded("photo-motion", "2 10 25 45 70")
    ),
    "chexphoto_glare_matte": Preset(
        "a Gaussian white patch of 50 to 250 pixels of 1,245 radius, 39 to 98 % opaque",
        _graded("photo-matte", "50,100,170 100,200,190 150,300,210 200,400,230 250,500,250"),
    ),
    "chexphoto_glare_glossy": Preset(
        "a uniform white box of 10 to 55 % of the width and height, 67 to 100 % opaque",
        _graded("photo-glossy", "0.1,170 0.2,190 0.3,210 0.4,230 0.5,235"),
    ),
    "chexphoto_tilt": Preset(
        "each corner moved inwards by up to 5 to 25 % of the width and height",
        _graded("photo-tilt", "0.05 0.1 0.15 0.2 0.25"),
    ),
    "chexphoto_moire": Preset(
        "two gratings of lines, 5 to 70 % opaque black, 20 to 1 pixels of 2,490 apart",
        _graded("photo-moire", "20,0.05 4.5,0.15 2.5,0.35 1,0.5 1,0.7"),
    ),
    "chexphoto_rotation": Preset(
        "rotated by 5 to 25 degrees either way, without cropping", _graded("photo-rotation", "5 10 15 20 25")
    ),
    "chexphoto_translation": Preset(
        "shifted by 20 to 100 pixels of 1,245, with 100 pixels of black around",
        _graded("photo-translation", "20 40 60 80 100"),
    ),
    "chexphoto_brightness_up": Preset(
        "levels times 1.1 to 2, give or take 0.01",
        _graded("brightness", "1.1,0.01 1.4,0.01 1.6,0.01 1.8,0.01 2,0.01"),
    ),
    "chexphoto_brightness_down": Preset(
        "levels divided by 1.2 to 3, give or take 0.01",
        _graded("brightness", "0.83333,0.01 0.55556,0.01 0.45455,0.01 0.38462,0.01 0.33333,0.01"),
    ),
    "chexphoto_contrast_up": Preset(
        "contrast times 1.1 to 2, give or take 0.01",
        _graded("contrast", "1.1,0.01 1.4,0.01 1.6,0.01 1.8,0.01 2,0.01"),
    ),
    "chexphoto_contrast_down": Preset(
        "contrast divided by 1.2 to 3, give or take 0.01",
        _graded("contrast", "0.83333,0.01 0.55556,0.01 0.45455,0.01 0.38462,0.01 0.33333,0.01"),
    ),
    "chexphoto_exposure": Preset(
        "an S-shaped curve from 8 to 92 % of white, the same at every severity as in CheXphoto",
        _graded("sigmoid", "0.5,5 0.5,5 0.5,5 0.5,5 0.5,5"),
    ),
}

# For each image one shift of a suite, drawn at random.
MIXED: dict[str, tuple[str, dict[str, Preset]]] = {
    "medmnist-c": ("one of MedMNIST-C's 13 corruptions of PneumoniaMNIST for each image", MEDMNIST_C),
    "chexphoto": ("one of CheXphoto's 13 synthetic changes for each image", CHEXPHOTO),
}

# The shifts of each suite of a stress test.
SUITES: dict[str, tuple[str, ...]] = {
    "all": tuple(SHIFTS),
    "medmnist-c": tuple(MEDMNIST_C),
    "chexphoto": tuple(CHEXPHOTO),
    "presets": tuple(PRESETS),
}


def composed(name: str) -> Preset | None:
    """Return the composition of this name, if there is one."""
    return next((table[name] for table in (PRESETS, MEDMNIST_C, CHEXPHOTO) if name in table), None)


def about_shifts() -> dict[str, tuple[str, str]]:
    """Return the kind and a description of each shift, by name."""
    about = {name: (kind.group, kind.about) for name, kind in SHIFTS.items()}
    about |= {name: ("preset", preset.about) for name, preset in PRESETS.items()}
    for suite, (text, members) in MIXED.items():
        about[suite] = ("preset", text)
        about |= {name: (suite, preset.about) for name, preset in members.items()}
    return about | {
        "original": ("preset", "the shift of the original demonstration, as in Keras; without severities")
    }
