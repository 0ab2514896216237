"""An exported file is served without torch, with the scores of predict to the last digit."""

import json
import subprocess
import sys

import pytest
from exporting_samples import exported
from samples import CLASSES
from starlette.testclient import TestClient

from radapt.errors import AskedWrongly
from radapt.models.table import new_spec
from radapt.serving.app import make_app
from radapt.serving.onnx_predictor import open_onnx
from radapt.serving.page import render_page
from radapt.serving.predictor import threshold_in_use
from radapt.serving.security import Guard
from radapt.serving.service import Service

WITHOUT_TORCH = """
import sys
from radapt.cli.app import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory, hardware):
    out = tmp_path_factory.mktemp("onnx") / "model.onnx"
    exported(new_spec("compact", CLASSES, size=32), out, hardware, small=True)
    return out


def test_a_served_score_is_that_of_predict_to_the_last_digit(file, data, radapt):
    files = sorted((data / "test").glob("*/*.png"))[:3]
    rows = json.loads(radapt("predict", file, *files, "--json", "--threads", "1")[1])["images"]
    service = Service(open_onnx(file, 1))
    assert service.model.golden is not None
    with TestClient(Guard(make_app(service)), base_url="http://localhost") as client:
        service.call(lambda: None).result(20)
        assert client.get("/readyz").status_code == 200
        answers = [client.post("/v1/predict", content=path.read_bytes()).json() for path in files]
        assert [answer["scores"] for answer in answers] == [row["scores"] for row in rows]
        assert [answer["label"] for answer in answers] == [row["label"] for row in rows]
        assert answers[0]["ood"] is None
        for path in ("/v1/explain", "/v1/drift"):
            refused = client.post(path, content=files[0].read_bytes())
            assert (refused.status_code, "Serve its run" in refused.json()["error"]) == (422, True)


def test_torch_is_not_loaded(file):
    command = [sys.executable, "-c", WITHOUT_TORCH, "serve", str(file), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the golden image scored as when the model was made" in done.stdout


def test_the_threshold_is_that_of_the_file_or_another_number(file):
    assert threshold_in_use(open_onnx(file, 1)) == open_onnx(file, 1).thresholds["PNEUMONIA"]
    assert threshold_in_use(open_onnx(file, 1, "0.25")) == 0.25
    with pytest.raises(AskedWrongly, match="no predictions for them"):
        open_onnx(file, 1, "youden")
    assert "keeps no reference" in render_page(open_onnx(file, 1), None)
