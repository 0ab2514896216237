"""The page of explanations shows each image beside its map, and says what the checks found."""

import numpy as np
from bright import bright_classifier, bright_images
from PIL import Image

from radapt.explaining.explanation import ExplainOptions, explain_files
from radapt.report.explanations_page import render_explanations


def test_images_checks_and_words_are_on_it(tmp_path, hardware):
    Image.fromarray(bright_images(1)[0]).save(tmp_path / "<b>.png")
    (tmp_path / "broken.png").write_text("no image")
    found = explain_files(bright_classifier(), [tmp_path], ExplainOptions(), hardware)
    page = render_explanations(found)
    assert page.count("<img") == 3  # the legend, the image, its map
    assert "&lt;b&gt;.png: what speaks for PNEUMONIA" in page
    assert "of which 5 of 5 are beaten" in page
    assert 'href="1-_b_.png"' in page
    assert "broken.png" in page
    assert "is no finding" in page
    assert "The map is that of patches." in page
    assert page == render_explanations(found)


def test_empty_maps_say_so(tmp_path, hardware):
    Image.fromarray(np.array(bright_images(1)[0])).save(tmp_path / "a.png")
    found = explain_files(bright_classifier(), [tmp_path], ExplainOptions(target="NORMAL"), hardware)
    page = render_explanations(found)
    assert "nothing in this image speaks for NORMAL" in page
    assert page.count("the map has one value, and so no order of its own") == 2
