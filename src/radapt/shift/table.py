"""All corruptions by name, each with five severities."""

from dataclasses import dataclass

from radapt.shift.chexphoto import PHOTOGRAPHIC
from radapt.shift.corruption import Corruption
from radapt.shift.detector import BitDepth, Blur, DeadPixels, Downsample, GainTiles, GridLines, Noise
from radapt.shift.digitising import Border, Dust, Fax, Scratches, Skew, Tint, Vignette
from radapt.shift.exposure import Gamma, Heel, Kvp, Overexposure, QuantumNoise, Scatter, Underexposure, Window
from radapt.shift.marks import BlackCorners, BurnedInText, Collimation, EcgLeads, LateralityMarker
from radapt.shift.motion import MotionBlur
from radapt.shift.phone import Defocus, GlareGlossy, GlareMatte, Moire, SensorNoise
from radapt.shift.population import AgeMix, Prevalence, Subsample
from radapt.shift.pose import Flip, Perspective, QuarterTurn, Rotation, Shear, Translation, Zoom
from radapt.shift.published import (
    Brightness,
    Contrast,
    Impulse,
    KernelBlur,
    Pixelate,
    Power,
    Shot,
    Sigmoid,
    Speckle,
    WhiteNoise,
)
from radapt.shift.screenshot import Screenshot
from radapt.shift.storage import Clahe, Inversion, Jpeg, ResizeChain

SEVERITIES = (1, 2, 3, 4, 5)  # 0 is the identity
USUAL = 3  # the severity of a name without one


@dataclass(frozen=True, slots=True)
class CorruptionKind:
    """A corruption with its parameters at each severity."""

    group: str  # such as "pose"
    about: str  # one line, with the range of its main parameters from severity 1 to 5
    levels: tuple[Corruption, Corruption, Corruption, Corruption, Corruption]  # severity 1 to 5


SHIFTS: dict[str, CorruptionKind] = {
    "rotation": CorruptionKind(
        "pose",
        "rotated by up to 5 to 30 degrees either way",
        (Rotation(5), Rotation(10), Rotation(15), Rotation(22), Rotation(30)),
    ),
    "translation": CorruptionKind(
        "pose",
        "shifted by up to 2 to 20 % of the width and of the height",
        (Translation(0.02), Translation(0.04), Translation(0.08), Translation(0.13), Translation(0.2)),
    ),
    "zoom": CorruptionKind(
        "pose",
        "enlarged or shrunk by a factor of up to 1.05 to 1.45",
        (Zoom(1.05), Zoom(1.1), Zoom(1.2), Zoom(1.3), Zoom(1.45)),
    ),
    "shear": CorruptionKind(
        "pose",
        "sheared by up to 3 to 20 degrees either way",
        (Shear(3), Shear(5), Shear(8), Shear(13), Shear(20)),
    ),
    "flip": CorruptionKind(
        "pose",
        "20 to 100 % of the images mirrored left to right",
        (Flip(0.2), Flip(0.4), Flip(0.6), Flip(0.8), Flip(1)),
    ),
    "quarter-turn": CorruptionKind(
        "pose",
        "20 to 100 % of the images rotated by 90 degrees either way",
        (QuarterTurn(0.2), QuarterTurn(0.4), QuarterTurn(0.6), QuarterTurn(0.8), QuarterTurn(1)),
    ),
    "perspective": CorruptionKind(
        "pose",
        "perspective: tilted by up to 3 to 26 degrees, seen from 1.2 image widths away",
        (Perspective(3), Perspective(6), Perspective(11), Perspective(18), Perspective(26)),
    ),
    "gamma": CorruptionKind(
        "exposure",
        "gamma: grey levels raised to a power of up to 1.2 to 3, or its inverse",
        (Gamma(1.2), Gamma(1.4), Gamma(1.7), Gamma(2.2), Gamma(3.0)),
    ),
    "underexposure": CorruptionKind(
        "exposure",
        "underexposed (too light) by up to 0.4 to 2.5 stops",
        (Underexposure(0.4), Underexposure(0.7), Underexposure(1), Underexposure(1.7), Underexposure(2.5)),
    ),
    "overexposure": CorruptionKind(
        "exposure",
        "overexposed (too dark) by up to 0.4 to 2.5 stops",
        (Overexposure(0.4), Overexposure(0.7), Overexposure(1), Overexposure(1.7), Overexposure(2.5)),
    ),
    "kvp": CorruptionKind(
        "exposure",
        "contrast about mid grey multiplied or divided by up to 1.12 to 2.4",
        (Kvp(1.12), Kvp(1.25), Kvp(1.45), Kvp(1.8), Kvp(2.4)),
    ),
    "window": CorruptionKind(
        "exposure",
        "display window widened or narrowed by up to 1.15 to 2.5 times, and shifted by up to 3 to 22 %",
        (Window(1.15, 0.03), Window(1.3, 0.06), Window(1.5, 0.1), Window(1.9, 0.15), Window(2.5, 0.22)),
    ),
    "heel": CorruptionKind(
        "exposure",
        "heel effect: up to 15 to 85 % of the exposure lost from one side to the other",
        (Heel(0.15), Heel(0.28), Heel(0.45), Heel(0.65), Heel(0.85)),
    ),
    "scatter": CorruptionKind(
        "exposure",
        "up to 15 to 72 % of the radiation scattered",
        (Scatter(0.15), Scatter(0.27), Scatter(0.4), Scatter(0.55), Scatter(0.72)),
    ),
    "quantum-noise": CorruptionKind(
        "exposure",
        "photon noise: 600 to 20 photons per mid-grey pixel, so noise of 3 to 17 grey levels there",
        (QuantumNoise(600), QuantumNoise(220), QuantumNoise(90), QuantumNoise(40), QuantumNoise(20)),
    ),
    "noise": CorruptionKind(
        "detector",
        "electronic noise of 3 to 24 grey levels",
        (Noise(3), Noise(6), Noise(10), Noise(16), Noise(24)),
    ),
    "blur": CorruptionKind(
        "detector",
        "Gaussian blur of 0.7 to 4 pixels: half of the contrast is left at 60 to 10 cycles per image width",
        (Blur(0.7), Blur(1.1), Blur(1.7), Blur(2.6), Blur(4)),
    ),
    "dead-pixels": CorruptionKind(
        "detector",
        "0.05 to 3 % of the pixels dead (black or white), and up to 0 to 8 rows and columns",
        (
            DeadPixels(0.0005, 0),
            DeadPixels(0.0015, 1),
            DeadPixels(0.004, 2),
            DeadPixels(0.012, 4),
            DeadPixels(0.03, 8),
        ),
    ),
    "grid-lines": CorruptionKind(
        "detector",
        "grid lines 3 to 5 pixels apart, 3 to 32 % brighter and darker, rotated by up to 1 to 5 degrees",
        (
            GridLines(0.03, 3, 1),
            GridLines(0.06, 3.5, 1.5),
            GridLines(0.12, 4, 2),
            GridLines(0.2, 4.5, 3),
            GridLines(0.32, 5, 5),
        ),
    ),
    "gain-tiles": CorruptionKind(
        "detector",
        "2 to 16 detector tiles up to 2 to 25 % brighter or darker, with seams that lose 6 to 70 %",
        (
            GainTiles(0.02, 0.06),
            GainTiles(0.04, 0.12),
            GainTiles(0.08, 0.25),
            GainTiles(0.15, 0.45),
            GainTiles(0.25, 0.7),
        ),
    ),
    "downsample": CorruptionKind(
        "detector",
        "lower resolution: pixels 1.3 to 7 times as wide",
        (Downsample(1.3), Downsample(1.8), Downsample(2.5), Downsample(4), Downsample(7)),
    ),
    "bit-depth": CorruptionKind(
        "detector",
        "grey levels quantised to 6 to 2 bits",
        (BitDepth(6), BitDepth(5), BitDepth(4), BitDepth(3), BitDepth(2)),
    ),
    "motion-blur": CorruptionKind(
        "motion",
        "motion blur of 2 to 16 pixels",
        (MotionBlur(2), MotionBlur(4), MotionBlur(6.5), MotionBlur(10.5), MotionBlur(16)),
    ),
    "jpeg": CorruptionKind(
        "storage",
        "saved as JPEG of quality 50 to 7",
        (Jpeg(50), Jpeg(30), Jpeg(15), Jpeg(10), Jpeg(7)),
    ),
    "resize-chain": CorruptionKind(
        "storage",
        "1 to 5 times shrunk by up to 1.3 to 3.5, saved as JPEG of quality 85 to 35, and enlarged again",
        (
            ResizeChain(1, 1.3, 85),
            ResizeChain(2, 1.6, 75),
            ResizeChain(3, 2, 60),
            ResizeChain(4, 2.6, 45),
            ResizeChain(5, 3.5, 35),
        ),
    ),
    "inversion": CorruptionKind(
        "storage",
        "20 to 100 % of the images inverted (negatives)",
        (Inversion(0.2), Inversion(0.4), Inversion(0.6), Inversion(0.8), Inversion(1)),
    ),
    "clahe": CorruptionKind(
        "storage",
        "CLAHE: histogram equalisation in 8 x 8 tiles, with contrast limited to up to 1.3 to 10",
        (Clahe(1.3), Clahe(1.8), Clahe(3), Clahe(5), Clahe(10)),
    ),
    "scratches": CorruptionKind(
        "digitising",
        "up to 2 to 12 scratches of 25 to 95 % contrast, 0.8 to 1.6 pixels wide",
        (
            Scratches(2, 0.25, 0.8),
            Scratches(4, 0.4, 0.9),
            Scratches(6, 0.55, 1),
            Scratches(9, 0.75, 1.3),
            Scratches(12, 0.95, 1.6),
        ),
    ),
    "dust": CorruptionKind(
        "digitising",
        "up to 12 to 120 specks of 30 to 95 % contrast, up to 2 to 5 pixels across, and fibres",
        (Dust(12, 0.3, 2), Dust(24, 0.45, 2.5), Dust(40, 0.6, 3), Dust(75, 0.8, 4), Dust(120, 0.95, 5)),
    ),
    "vignette": CorruptionKind(
        "digitising",
        "up to 15 to 85 % of the light lost at the corners",
        (Vignette(0.15), Vignette(0.28), Vignette(0.42), Vignette(0.62), Vignette(0.85)),
    ),
    "tint": CorruptionKind(
        "digitising",
        "a colour cast of up to 1.3 to 3.5 times per channel, converted to grey; channels saturate",
        (Tint(1.3), Tint(1.6), Tint(2), Tint(2.6), Tint(3.5)),
    ),
    "skew": CorruptionKind(
        "digitising",
        "rotated by up to 1 to 12 degrees and shifted by up to 1 to 10 % on the scanner, which is visible",
        (Skew(1, 0.01), Skew(2.5, 0.02), Skew(4, 0.03), Skew(7, 0.06), Skew(12, 0.1)),
    ),
    "border": CorruptionKind(
        "digitising",
        "black or white borders of up to 2 to 22 % on each side of the shrunk image",
        (Border(0.02), Border(0.04), Border(0.07), Border(0.13), Border(0.22)),
    ),
    "fax": CorruptionKind(
        "digitising",
        "fax: dithered to 12 to 2 grey levels in dots of 1 to 1.8 pixels, 0.5 to 6 % of the lines lost",
        (Fax(1, 12, 0.005), Fax(1.1, 8, 0.01), Fax(1.3, 5, 0.02), Fax(1.5, 3, 0.04), Fax(1.8, 2, 0.06)),
    ),
    "screenshot": CorruptionKind(
        "digitising",
        "screenshot: black bars of up to 5 to 45 % in total, and a title bar of 5 to 16 pixels",
        (
            Screenshot(0.05, 5),
            Screenshot(0.12, 7),
            Screenshot(0.2, 10),
            Screenshot(0.32, 13),
            Screenshot(0.45, 16),
        ),
    ),
    "moire": CorruptionKind(
        "phone",
        "moire bands, up to 4 to 40 % brighter and darker",
        (Moire(0.04), Moire(0.08), Moire(0.14), Moire(0.24), Moire(0.4)),
    ),
    "glare-matte": CorruptionKind(
        "phone",
        "a soft white glare patch, up to 15 to 90 % opaque, with a radius of 20 to 40 % of the width",
        (
            GlareMatte(0.15, 0.2),
            GlareMatte(0.3, 0.22),
            GlareMatte(0.45, 0.25),
            GlareMatte(0.65, 0.32),
            GlareMatte(0.9, 0.4),
        ),
    ),
    "glare-glossy": CorruptionKind(
        "phone",
        "reflection of a window, up to 15 to 90 % opaque and 15 to 60 % of the width long, and of lamps",
        (
            GlareGlossy(0.15, 0.15),
            GlareGlossy(0.3, 0.22),
            GlareGlossy(0.45, 0.3),
            GlareGlossy(0.65, 0.45),
            GlareGlossy(0.9, 0.6),
        ),
    ),
    "defocus": CorruptionKind(
        "phone",
        "out of focus: blurred by a disc of 1.2 to 5 pixels radius",
        (Defocus(1.2), Defocus(1.7), Defocus(2.4), Defocus(3.5), Defocus(5)),
    ),
    "sensor-noise": CorruptionKind(
        "phone",
        "camera noise: 6 to 50 grey levels in white, 2 to 18 in black, and row offsets of 1 to 12",
        (
            SensorNoise(6, 2, 1),
            SensorNoise(11, 4, 2),
            SensorNoise(18, 6, 3.5),
            SensorNoise(30, 10, 7),
            SensorNoise(50, 18, 12),
        ),
    ),
    "laterality-marker": CorruptionKind(
        "marks",
        "a lead letter up to 12 to 36 pixels high, 40 to 100 % opaque",
        (
            LateralityMarker(12, 0.4),
            LateralityMarker(16, 0.6),
            LateralityMarker(20, 0.8),
            LateralityMarker(27, 0.95),
            LateralityMarker(36, 1),
        ),
    ),
    "burned-in-text": CorruptionKind(
        "marks",
        "up to 1 to 6 lines of burned-in text, 6 to 15 pixels high",
        (
            BurnedInText(1, 6),
            BurnedInText(2, 7.5),
            BurnedInText(3, 9),
            BurnedInText(4, 12),
            BurnedInText(6, 15),
        ),
    ),
    "ecg-leads": CorruptionKind(
        "marks",
        "up to 2 to 5 ECG electrodes with wires, 30 to 100 % opaque",
        (EcgLeads(2, 0.3), EcgLeads(3, 0.45), EcgLeads(4, 0.6), EcgLeads(5, 0.8), EcgLeads(5, 1)),
    ),
    "collimation": CorruptionKind(
        "marks",
        "collimator blades hiding up to 3 to 25 % on each side, rotated by up to 0.5 to 6 degrees",
        (
            Collimation(0.03, 0.5),
            Collimation(0.06, 1),
            Collimation(0.1, 2),
            Collimation(0.17, 4),
            Collimation(0.25, 6),
        ),
    ),
    "black-corners": CorruptionKind(
        "marks",
        "black corners, round or straight, of up to 15 to 100 % of half the width",
        (
            BlackCorners(0.15),
            BlackCorners(0.25),
            BlackCorners(0.4),
            BlackCorners(0.65),
            BlackCorners(1),
        ),
    ),
    "prevalence": CorruptionKind(
        "population",
        "patients dropped until 40 to 5 % of the images have the finding",
        (Prevalence(0.4), Prevalence(0.3), Prevalence(0.2), Prevalence(0.1), Prevalence(0.05)),
    ),
    "subsample": CorruptionKind(
        "population",
        "80 to 10 % of the patients kept",
        (Subsample(0.8), Subsample(0.6), Subsample(0.4), Subsample(0.2), Subsample(0.1)),
    ),
    "age-mix": CorruptionKind(
        "population",
        "patients dropped until the mean age is 5 to 25 years higher",
        (AgeMix(5), AgeMix(10), AgeMix(15), AgeMix(20), AgeMix(25)),
    ),
}

# Corruptions that are only used by published suites.
PUBLISHED: tuple[type[Corruption], ...] = (
    Brightness,
    Contrast,
    Power,
    Sigmoid,
    Pixelate,
    WhiteNoise,
    Speckle,
    Impulse,
    Shot,
    KernelBlur,
    *PHOTOGRAPHIC,
)

CORRUPTIONS: dict[str, type[Corruption]] = {name: type(kind.levels[0]) for name, kind in SHIFTS.items()} | {
    corruption.name: corruption for corruption in PUBLISHED
}
