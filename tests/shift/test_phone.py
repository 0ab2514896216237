"""Photographs of images: light, lens and sensor do what physics says."""

import numpy as np
import pytest
import torch
from corruptions import KEYS, check_neutral, check_refused
from scipy import ndimage

from radapt.shift.draws import Draws
from radapt.shift.phone import SCREEN, Defocus, GlareGlossy, GlareMatte, Moire, SensorNoise


def table(**columns: float) -> Draws:
    return {name.replace("_", "-"): np.array([value], dtype=np.float64) for name, value in columns.items()}


@pytest.mark.parametrize(
    "text", ["moire(0)", "glare-matte(0)", "glare-glossy(0)", "defocus(0)", "sensor-noise(0, 0, 0)"]
)
@pytest.mark.parametrize("size", [(1, 1), (40, 25)])
def test_an_option_that_does_nothing_changes_no_bit(text, size):
    check_neutral(text, size)


@pytest.mark.parametrize(
    "text", ["moire(2)", "glare-matte(-1)", "glare-glossy(size=0)", "defocus(50)", "sensor-noise(band=-3)"]
)
def test_an_option_out_of_range_is_refused(text):
    check_refused(text)


def test_moire_is_the_beat_of_two_gratings():
    width, fine, e = 200, 32, 0.011
    x = (np.arange(width * fine) + 0.5) / (width * fine) - 0.5
    gratings = (1 + np.cos(2 * np.pi * SCREEN * x)) * (1 + np.cos(2 * np.pi * SCREEN * (1 + e) * x))
    seen = ndimage.gaussian_filter1d(gratings, 2 * fine)  # what is as fine as the gratings is blurred away
    beat = np.fft.rfft(seen - seen.mean())
    assert np.abs(beat).argmax() == round(SCREEN * e)
    drawn = table(contrast=0.1, mismatch=e, degrees=0, bend=0, phase=0, phase_across=0.25)
    bands = Moire().transform(torch.full((1, 50, width), 100.0), drawn)[0].numpy()
    along = bands.mean(axis=0) - bands.mean()
    assert np.abs(np.fft.rfft(along)).argmax() == round(SCREEN * e)
    assert np.corrcoef(along[20:-20], seen.reshape(width, fine).mean(axis=1)[20:-20])[0, 1] > 0.98


def test_moire_bands_are_those_of_their_formula():
    drawn = table(contrast=0.2, mismatch=0.02, degrees=-1.2, bend=0.01, phase=0.3, phase_across=0.8)
    got = Moire().transform(torch.full((1, 60, 90), 100.0), drawn)[0].numpy()
    y, x = (np.mgrid[:60, :90] - np.array([29.5, 44.5])[:, None, None]) / 90
    fx, fy = SCREEN * 0.02, SCREEN * np.deg2rad(-1.2)
    columns = np.cos(2 * np.pi * (fx * x + SCREEN * 0.01 * x**2 + 0.3 + fy * y))
    rows = np.cos(2 * np.pi * (-fy * x + 0.8 + fx * y + SCREEN * 0.01 * y**2))
    dimmed = np.sinc(fx / 90) * np.sinc(fy / 90)
    assert np.allclose(got, 100 * (1 + 0.2 * dimmed * (columns + 0.4 * rows) / 1.4), atol=1e-3)


def test_matt_glare_is_a_normal_patch_of_white():
    drawn = table(opacity=0.6, x=0.5, y=0.25, wide=0.2, high=0.1)
    patch = GlareMatte().transform(torch.zeros(1, 201, 101), drawn)[0].numpy() / 255
    y, x = np.mgrid[:201, :101]
    expected = 0.6 * np.exp(-(((x - 50) / 20.2) ** 2) / 2 - ((y + 0.5 - 50.25) / 10.1) ** 2 / 2)
    assert np.allclose(patch, expected, atol=1e-5)
    assert GlareMatte().transform(torch.full((1, 9, 9), 255.0), drawn).min() == 255


def test_glossy_glare_shows_a_window_of_its_size_with_six_panes():
    corruption = GlareGlossy(0.5, 0.5)
    drawn = corruption.draw(KEYS[:1], 0) | table(
        opacity=0.5, x=0.5, y=0.5, size=0.5, aspect=0.8, degrees=0, lean=0
    )
    window = corruption._window(torch.zeros(1, 400, 400), drawn)[0].numpy()
    assert window.max() == 0.5
    assert ndimage.label(window > 0.25)[1] == 6
    inside = np.argwhere(window > 0.25)
    assert np.abs(np.ptp(inside, axis=0) + 1 - [200, 160]).max() <= 1
    changed = corruption.transform(torch.full((64, 90, 90), 120.0), corruption.draw(KEYS, 0))
    assert (changed >= 120).all()
    assert (changed.amax(dim=(1, 2)) > 180).all()


@pytest.mark.parametrize("radius", [0.6, 1.0, 1.7, 2.5, 4.0, 6.3])
def test_a_point_out_of_focus_is_a_disc_that_keeps_its_light(radius):
    point = torch.zeros(1, 224, 224)
    point[0, 100, 90] = 1000
    disc = Defocus(radius).transform(point, table(radius=radius))[0].numpy() / 1000
    assert disc.sum() == pytest.approx(1, abs=1e-4)
    assert np.allclose(disc, np.roll(disc[::-1, ::-1], (-23, -43), (0, 1)), atol=1e-6)
    y, x = np.mgrid[:224, :224]
    for axis in (x - 90, y - 100):  # a disc has a quarter of its squared radius along any axis
        assert (disc * axis**2).sum() == pytest.approx(radius**2 / 4, abs=0.15)
    distance = np.hypot(x - 90, y - 100)
    assert not disc[distance > radius + 1.5].any()
    if radius > 2:
        assert np.allclose(disc[distance < radius - 1], 1 / (np.pi * radius**2), rtol=0.02)


def test_defocus_is_a_convolution_that_goes_on_beyond_the_edge():
    image = np.random.default_rng(0).uniform(0, 255, (30, 224)).astype(np.float32)
    point = torch.zeros(1, 21, 224)
    point[0, 10, 110] = 1
    kernel = Defocus(3.3).transform(point, table(radius=3.3))[0, :, 100:121].numpy()
    blurred = Defocus(3.3).transform(torch.from_numpy(image.copy())[None], table(radius=3.3))[0].numpy()
    assert np.allclose(blurred, ndimage.convolve(image, kernel, mode="nearest"), atol=0.05)


def test_images_of_one_table_may_be_out_of_focus_differently():
    images = torch.rand(3, 40, 224) * 255
    corruption = Defocus(3)
    mixed = corruption.transform(images.clone(), {"radius": np.array([1.0, 3.0, 1.0])})
    for row, radius in enumerate((1.0, 3.0, 1.0)):
        alone = corruption.transform(images[row : row + 1].clone(), table(radius=radius))
        assert torch.equal(mixed[row], alone[0])


@pytest.mark.parametrize("level", [60.0, 120.0, 180.0])
def test_the_variance_of_sensor_noise_grows_with_the_light(level):
    corruption = SensorNoise(12, 4, 3)
    noise = corruption.transform(torch.full((64, 150, 150), level), corruption.draw(KEYS, 0)).numpy() - level
    rows = noise.mean(axis=2)
    pixels = (noise - rows[..., None]) * np.sqrt(150 / 149)
    assert pixels.var() == pytest.approx(16 + 144 * level / 255, rel=0.01)
    assert rows.var() == pytest.approx(9 + pixels.var() / 150, rel=0.05)
    assert abs(noise.mean()) < 0.2
