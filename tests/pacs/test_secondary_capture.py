import numpy as np
import pytest

from radapt.pacs.secondary_capture import captioned, secondary_capture
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


def test_a_capture_is_of_the_study_and_says_what_it_is(write, model, drawn, read):
    source = read_source(write(1, Laterality="U", PatientOrientation=["L", "F"], BurnedInAnnotation="NO")[0])
    made = read(encoded(secondary_capture(source, drawn, "Map of PNEUMONIA (0.83)", model, "grad-cam")))
    assert (made.Modality, made.PatientID) == ("OT", source.PatientID)
    assert made.StudyInstanceUID == source.StudyInstanceUID
    assert made.SeriesDescription == "Research only, not for clinical use"
    assert "no medical device" in made.ImageComments
    assert made.DerivationDescription == (
        "Map of PNEUMONIA (0.83), by grad-cam, of compact, head abababababab"
    )
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert made.BurnedInAnnotation == "NO"
    assert made.PatientOrientation == ["L", "F"]
    assert (made.pixel_array[:600] == drawn).all()


def test_its_identifier_follows_from_what_it_shows(write, model, drawn):
    source = read_source(write(1)[0])

    def named(*about):
        return secondary_capture(source, drawn, about[0], model, *about[1:]).SOPInstanceUID

    assert named("Map of A (0.81)") == named("Map of A (0.82)")  # scores differ by rounding between machines
    assert len({named("Map of A (0.8)"), named("Map of B (0.8)"), named("Map of A (0.8)", "occlusion")}) == 3
