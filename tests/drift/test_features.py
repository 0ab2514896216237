"""Features are those of the model's own prediction."""

from dataclasses import replace

import numpy as np
from samples import CLASSES, make_images

from radapt.drift.features import extract_features
from radapt.models.inference import predict
from radapt.models.table import build, new_spec


def test_what_the_model_sees_with_several_views_is_what_it_says(hardware):
    several = build(replace(new_spec("compact", CLASSES, size=16), views=3), seed=0)
    images = make_images(6)
    said = extract_features(several, images, hardware).predictions().scores
    assert np.allclose(said, predict(several, images, hardware).scores, atol=1e-6)
