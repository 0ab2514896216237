"""The bytes of a file hold what it says of itself, and its second input has a value of its own."""

import onnx

from radapt.exporting.metadata import KEY, parse_metadata
from radapt.models.onnx_content import properties_of


def test_a_file_says_what_it_is(pair):
    content = pair.written.path.read_bytes()
    made = onnx.load_from_string(content)
    assert made.producer_name == "radapt"
    assert "no medical device" in made.doc_string
    assert parse_metadata(properties_of(content)[KEY], "it") == pair.written.metadata
    assert not any(each.external_data for each in made.graph.initializer)


def test_images_are_raw_unless_it_is_said_that_they_are_prepared(rich):
    made = onnx.load(rich.written.path)
    (default,) = [each for each in made.graph.initializer if each.name == "prepared"]
    assert onnx.numpy_helper.to_array(default).tolist() is False
    assert [each.name for each in made.graph.input] == ["images", "prepared"]
