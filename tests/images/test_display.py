"""How images show themselves alone in the cell of a notebook."""

import re
from dataclasses import replace

import numpy as np
from samples import make_dataset, make_images

from radapt.images.imageset import ImageSet
from radapt.images.notice import Notice


def test_an_image_set_says_in_a_short_line_what_it_is():
    assert repr(make_images(40)) == "ImageSet(40 images of 20 patients, 16 x 16; NORMAL 20, PNEUMONIA 20)"


def test_a_data_set_says_in_a_short_line_what_it_is():
    line = "Dataset(squares: train 96 images, val 16 images, test 40 images; NORMAL, PNEUMONIA)"
    assert repr(make_dataset()) == line


def test_an_image_set_shows_counts_and_pictures_and_names_no_patient():
    images = make_images(4000)
    html = images._repr_html_()
    assert html.count("<img") == 1
    assert "4,000 images of 2,000 patients" in html
    assert not any(name in html for name in (*images.patients[:200], *images.ids[:200]))
    assert len(re.sub('data:image/png;base64,[^"]+', "", html)) < 500


def test_a_data_set_shows_each_split_and_what_limits_results():
    data = make_dataset()
    leak = Notice("unknown-patients", "caution", "Patients <unknown>.")
    html = replace(data, origin=replace(data.origin, notices=(leak,)))._repr_html_()
    assert html.count("<img") == 3
    assert "<td>96</td><td>48</td>" in html
    assert "CAUTION" in html
    assert "&lt;unknown&gt;" in html


def test_an_empty_image_set_can_be_shown():
    assert "0 images" in make_images(4).take([])._repr_html_()


def test_rows_are_of_images_and_of_splits():
    images = make_images(4)
    aged = replace(images, columns={"age": np.array(["5", "", "7", "8"])})
    assert aged.rows()[0] == {"image": "image-0.png", "patient": "image-p0", "label": "NORMAL", "age": "5"}
    assert aged.to_frame().shape == (4, 4)
    assert make_dataset().rows()[2] == {
        "split": "test",
        "images": 40,
        "patients": 20,
        "NORMAL": 20,
        "PNEUMONIA": 20,
    }


def test_findings_are_named_in_rows():
    images = make_images(2)
    labels = np.array([[1, 1], [0, np.nan]], np.float32)
    several = ImageSet(images.pixels, labels, images.patients, images.ids, ("Edema", "Mass"))
    assert [row["label"] for row in several.rows()] == several.names()
