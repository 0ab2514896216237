import re

from radapt.pacs.identity import model_name, uid_of


def test_an_identifier_follows_from_its_parts():
    assert uid_of("sr", "1.2.3", "abc") == uid_of("sr", "1.2.3", "abc")
    assert len({uid_of("sr", "1.2.3"), uid_of("sc", "1.2.3"), uid_of("sr", "1.2", "3")}) == 3
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid_of("sr"))
    assert uid_of("sr") == "2.25.293893332090590846684773829998011984703"  # the same for ever


def test_a_model_is_named_without_its_folder():
    assert model_name("hf:/home/jane/rad-dino/", "linear-probe") == "hf:rad-dino, linear-probe"
    assert model_name("hf:C:\\models\\rad-dino") == "hf:rad-dino"
    assert model_name("timm:resnet18") == "timm:resnet18"
    assert len(model_name("timm:" + "x" * 100, "head")) == 64


def test_models_of_one_version_are_the_same(model):
    assert model.version == "ab" * 6
