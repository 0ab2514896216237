"""A program of torch.export opens without radapt's classes and takes raw images of any size."""

import numpy as np
import torch
from exporting_samples import AT, RECORD, lively
from samples import CLASSES, make_images

from radapt.exporting.agreement import drawn_sample
from radapt.exporting.export import export_model
from radapt.exporting.metadata import KEY, parse_metadata
from radapt.exporting.torch_file import TorchProgram
from radapt.models.inference import scores_of
from radapt.models.table import new_spec


def test_it_gives_the_models_scores_and_says_what_it_is(tmp_path, hardware):
    spec = new_spec("compact", CLASSES, size=16)
    classifier, out = lively(spec, small=True), tmp_path / "model.pt2"
    sample = drawn_sample(spec.reading)
    written = export_model(classifier, RECORD, out, sample, hardware, kind="torch", thresholds=AT)
    assert written.agreement.largest < 1e-6
    extra = {KEY: ""}
    program = torch.export.load(out, extra_files=extra)
    assert parse_metadata(extra[KEY], "it") == written.metadata
    for count in (1, 5):
        images = torch.from_numpy(make_images(count, size=90).pixels).unsqueeze(1)
        scores = program.module()(images=images)
        assert (scores.shape, scores.dtype) == ((count, 2), torch.float64)
    pixels = make_images(2, size=16).pixels
    again = TorchProgram(out.read_bytes())
    np.testing.assert_allclose(again(pixels), scores_of(classifier, pixels, hardware), atol=1e-6)
