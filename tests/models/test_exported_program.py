"""Programs of torch.export are run from their graph alone, and what is not known is refused."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch

from radapt.errors import AskedWrongly, BadArtefact
from radapt.models.exported_program import open_exported

WEIGHT = np.arange(8, dtype=np.float32).reshape(2, 4)


def tensor(*sizes, strides=None, dtype=7):
    whole = {"as_int": 1} if strides is None else None
    steps = [{"as_int": int(np.prod(sizes[place + 1 :]))} for place in range(len(sizes))]
    return {
        "dtype": dtype,
        "sizes": [{"as_int": each} for each in sizes],
        "strides": steps if whole else [{"as_int": each} for each in strides],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def named(name, kind="as_tensor"):
    return {kind: {"name": name}}


def argument(name, value):
    return {"name": name, "arg": value, "kind": 1}


def archive(**changed):
    """The file of a network that is one dense layer on the pixels of images of 2 x 2."""
    about = {"path_name": "weight_0", "use_pickle": False, "tensor_meta": tensor(2, 4)}
    about |= changed.get("config", {})
    flat = [argument("self", named("x")), argument("start_dim", {"as_int": 1})]
    dense = [argument("input", named("flat")), argument("weight", named("w")), *changed.get("inputs", [])]
    target = changed.get("target", "torch.ops.aten.linear.default")
    nodes = [
        {"target": "torch.ops.aten.flatten.using_ints", "inputs": flat, "outputs": [named("flat")]},
        {"target": target, "inputs": dense, "outputs": [named("y")]},
    ]
    weight = {"parameter": {"arg": {"name": "w"}, "parameter_name": "dense.weight"}}
    specs = [weight, {"user_input": {"arg": named("x")}}, *changed.get("specs", [])]
    outputs = [{"user_output": {"arg": named("y")}}, *changed.get("outputs", [])]
    graph = {"nodes": nodes, "tensor_values": {"x": tensor(*changed.get("shape", (1, 1, 2, 2)))}}
    module = {"graph": graph, "signature": {"input_specs": specs, "output_specs": outputs}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/models/model.json", json.dumps({"graph_module": module}))
        config = json.dumps({"config": {"dense.weight": about}})
        made.writestr("a/data/weights/model_weights_config.json", config)
        made.writestr("a/data/weights/weight_0", changed.get("bytes", WEIGHT.tobytes()))
    return file.getvalue()


def test_the_graph_is_run_and_what_its_last_layer_takes_is_an_output_too():
    opened = open_exported(archive(), "mine.pt2")
    assert opened.shape == (1, 1, 2, 2)
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    found = opened.run(x)
    assert found["y"].tolist() == [[20.0, 60.0]]
    assert found["penultimate"].tolist() == [[1.0, 2.0, 3.0, 4.0]]


FOREIGN = "not of PyTorch's own operations"
HOSTILE = {
    "Python": ({"target": "os.system"}, "calls 'os.system'"),
    "PyTorch's other parts": ({"target": "torch.hub.load"}, FOREIGN),
    "another library": ({"target": "torch.ops.mine.run.default"}, FOREIGN),
    "a longer way": ({"target": "torch.ops.aten.linear.default.__class__"}, FOREIGN),
    "files": ({"target": "torch.ops.aten.from_file.default"}, "reads or writes files"),
    "what there is not": ({"target": "torch.ops.aten.nothing.default"}, "does not have"),
    "pickles": ({"config": {"use_pickle": True}}, "pickled"),
    "branches": ({"inputs": [argument("bias", {"as_graph": {}})]}, "kind as_graph"),
    "objects": ({"specs": [{"custom_obj": {"arg": named("o")}}]}, "kind custom_obj"),
    "two inputs": ({"specs": [{"user_input": {"arg": named("z")}}]}, "takes 2 inputs"),
    "statistics": ({"outputs": [{"buffer_mutation": {"arg": {"name": "y"}}}]}, "training mode"),
    "no images": ({"shape": (1, 4)}, "2 dimensions"),
    "sparse": ({"config": {"tensor_meta": {**tensor(2, 4), "layout": 1}}}, "unusual kind"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_known_is_refused(case):
    changed, words = HOSTILE[case]
    with pytest.raises(AskedWrongly, match=words):
        open_exported(archive(**changed), "mine.pt2")


DAMAGED = {
    "a tensor beyond its bytes": {"config": {"tensor_meta": tensor(2, 4, strides=(1000, 1))}},
    "numbers that are all one": {"config": {"tensor_meta": tensor(2**20, 2**22, strides=(0, 0))}},
    "fewer bytes": {"bytes": WEIGHT.tobytes()[:12]},
    "bytes that are no numbers": {"bytes": np.full(8, np.nan, np.float32).tobytes()},
    "no dtype": {"config": {"tensor_meta": {"sizes": [], "strides": []}}},
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_said(case):
    with pytest.raises(BadArtefact, match=r"mine\.pt2"):
        open_exported(archive(**DAMAGED[case]), "mine.pt2")
    with pytest.raises(BadArtefact, match="damaged"):
        open_exported(archive()[:-40], "mine.pt2")
