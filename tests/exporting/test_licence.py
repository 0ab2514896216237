"""The licence of the weights that a model began from is named where it is known, and else left open."""

from dataclasses import replace

from samples import CLASSES

from radapt.exporting.licence import licence_of
from radapt.models.table import new_spec

SHA = "0" * 64


def test_each_origin_has_its_own():
    compact, lite = new_spec("compact", CLASSES), new_spec("lite0", CLASSES)
    assert licence_of(compact, {"pretrained": False}).startswith("none: all weights were drawn at random")
    assert licence_of(lite, {"pretrained": SHA}).startswith("Apache-2.0")
    assert licence_of(
        new_spec("xrv:densenet121", CLASSES), {"pretrained": "densenet121-res224-all 00"}
    ).startswith("the weights' own")
    timm = new_spec("timm:resnet18", CLASSES)
    assert licence_of(timm, {"pretrained": "resnet18.a1_in1k"}).lower().startswith("apache")
    assert licence_of(timm, {"pretrained": SHA}).startswith("open: the weights came in a file")
    assert licence_of(replace(compact, model="imported:onnx"), {"pretrained": False}).startswith("open:")


def test_without_a_record_it_is_open():
    for name in ("compact", "lite0"):
        assert licence_of(new_spec(name, CLASSES), {}) == "open: not recorded"
