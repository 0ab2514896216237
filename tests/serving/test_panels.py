"""What the page asks for: maps of single images, and how the latest ones look."""

import io

import numpy as np
import pytest
from PIL import Image

from radapt.serving.answers import Latest, MapAnswer


def test_a_map_lies_on_the_whole_image(client, image, dicom):
    for data in (image, dicom):
        answer = client.post("/v1/explain", content=data).json()
        assert MapAnswer.model_validate(answer).target in ("NORMAL", "PNEUMONIA")
        assert answer["map"].startswith("data:image/png;base64,")
        assert "no finding" in answer["note"]


@pytest.mark.parametrize(("body", "status"), [(b"words", 415), (b"", 422), (b"\x89PNG\r\n\x1a\n", 422)])
def test_a_map_of_what_is_no_image_is_refused(client, body, status):
    assert client.post("/v1/explain", content=body).status_code == status


def test_the_latest_images_are_compared_with_the_reference(client, service, data):
    kept = service.scoring.recent
    service.scoring.recent._kept.clear()
    few = client.post("/v1/drift")
    assert (few.status_code, "at least 10 patients" in few.json()["error"]) == (422, True)
    for path in sorted((data / "test").glob("*/*.png"))[:24]:
        client.post("/v1/predict", content=path.read_bytes())
    latest = Latest.model_validate(client.get("/v1/recent").json())
    assert latest.images == len(kept) == 24
    words = client.post("/v1/drift").json()["words"]
    assert any("o difference in the images" in each for each in words)
    rng = np.random.default_rng(0)
    for _ in range(40):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 2, (32, 32), dtype=np.uint8) * 255).save(out, "PNG")
        client.post("/v1/predict", content=out.getvalue())
    words = client.post("/v1/drift").json()["words"]
    assert words[0].startswith("Images")
    assert client.get("/v1/recent").json()["unlike_reference"] > 0.3
