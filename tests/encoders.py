"""Encoders in miniature: an ONNX file, and a Hugging Face folder."""

from pathlib import Path

import numpy as np
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper


def write_onnx(path, *, shape=("n", 3, "h", "w"), outputs=("features",), external=False, inside=False):
    """Write an encoder: a convolution, pooled to 8 features; `inside` puts it into a branch of an If."""
    filters = np.random.default_rng(0).normal(size=(8, shape[1] if isinstance(shape[1], int) else 3, 4, 4))
    weight = numpy_helper.from_array(filters.astype(np.float32), "weight")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="../secret.bin")
    nodes = [
        helper.make_node("Conv", ["images", "weight"], ["maps"], strides=[4, 4]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    if inside:
        branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=weight)], "b", [], [])
        nodes.append(helper.make_node("If", ["maps"], ["d"], then_branch=branch, else_branch=branch))
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [] if inside else [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def write_hf(folder: Path) -> Path:
    """Write a DINOv2 of two layers that is made for images of 28 x 28."""
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.Dinov2Model(config).save_pretrained(folder)
    return folder
