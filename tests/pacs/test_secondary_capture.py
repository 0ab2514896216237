import numpy as np
import pytest
from PIL import ImageFont

from radapt.pacs.secondary_capture import Shown, _wrapped, captioned, secondary_capture
from radapt.pacs.source import encoded, read_source


@pytest.fixture
def drawn():
    return np.random.default_rng(0).integers(0, 256, (600, 520, 3), dtype=np.uint8)


def test_a_picture_keeps_its_pixels_and_says_below_them_what_it_is(drawn):
    made = captioned(drawn, ("Research only, not for clinical use", "Map of PNEUMONIA"))
    assert (made[:600] == drawn).all()
    band = made[600:]
    assert 30 < len(band) < 100
    assert band.max() == 255  # the letters
    assert (band == 0).mean() > 0.6
    assert (captioned(drawn, ("Other words", "Map of PNEUMONIA"))[600:] != band).any()
    assert captioned(drawn[:64, :80], ("a",)).shape[1] == 512


@pytest.mark.parametrize("name", ["W" * 120, "肺炎" * 40, "MASS WITH " * 12])
@pytest.mark.parametrize("width", [512, 3000])
def test_no_row_of_text_is_wider_than_the_picture_and_no_letter_is_lost(name, width):
    line, size = str(Shown(name, 0.83, "grad-cam")), max(10, width // 36)
    font = ImageFont.load_default(size)
    rows = _wrapped(line, font, width - size)
    assert max(font.getlength(row) for row in rows) <= width - size
    assert "".join(rows).replace(" ", "") == line.replace(" ", "")


def test_the_text_leaves_a_margin(drawn):
    band = captioned(drawn[:, :512], (str(Shown("W" * 120, 0.83)),))[600:]
    assert not band[:, -3:].any()


def test_a_capture_is_of_the_study_and_says_what_it_is(write, model, drawn, read):
    source = read_source(write(1, Laterality="U", PatientOrientation=["R", "F"], BurnedInAnnotation="NO")[0])
    shown = Shown("PNEUMONIA", 0.83, "grad-cam")
    made = read(encoded(secondary_capture(source, drawn, shown, model)))
    assert (made.Modality, made.PatientID) == ("OT", source.PatientID)
    assert made.StudyInstanceUID == source.StudyInstanceUID
    assert made.SeriesDescription == "Research only, not for clinical use"
    assert "no medical device" in made.ImageComments
    assert made.DerivationDescription == (
        "Map of PNEUMONIA (0.83), by grad-cam, of compact, head abababababab"
    )
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert (made.BurnedInAnnotation, made.Laterality) == ("NO", "U")
    assert made.PatientOrientation == ["R", "F"]
    assert "LossyImageCompression" not in made
    assert (made.pixel_array[:600] == drawn).all()


def test_what_is_not_known_of_the_image_is_not_made_up(write, model, drawn, read):
    made = read(encoded(secondary_capture(read_source(write(1)[0]), drawn, Shown("A", 0.5), model)))
    assert made.PatientOrientation in (None, "")
    assert "Laterality" not in made
    assert "BurnedInAnnotation" not in made


def test_what_a_lossy_compression_took_away_is_said_of_the_copy_too(write, model, drawn, read):
    tags = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": ["10", "2"],
        "LossyImageCompressionMethod": ["ISO_10918_1", "ISO_15444_1"],
    }
    made = read(encoded(secondary_capture(read_source(write(1, **tags)[0]), drawn, Shown("A", 0.5), model)))
    assert made.LossyImageCompression == "01"
    assert list(made.LossyImageCompressionRatio) == [10, 2]
    assert list(made.LossyImageCompressionMethod) == tags["LossyImageCompressionMethod"]


def test_its_identifier_follows_from_what_it_shows(write, model, drawn):
    source = read_source(write(1)[0])

    def named(*shown):
        return secondary_capture(source, drawn, Shown(*shown), model).SOPInstanceUID

    assert named("A", 0.81) == named("A", 0.82)  # scores differ by rounding between machines
    others = (
        named("A (viral)", 0.8),
        named("A (bacterial)", 0.8),
        named("A", 0.8),
        named("A", 0.8, "occlusion"),
    )
    assert len(set(others)) == 4
