"""Whatever goes wrong, the answer is a sentence."""

from fastapi import FastAPI
from starlette.testclient import TestClient

from radapt.errors import BadArtefact
from radapt.serving.error_answers import answer_errors


def test_every_error_is_answered_with_a_sentence():
    app = FastAPI()
    answer_errors(app)

    @app.get("/damaged/{number}")
    async def damaged(number: int):
        raise BadArtefact(f"File {number} is damaged.")

    client = TestClient(app)
    answer = client.get("/damaged/3")
    assert (answer.status_code, answer.json()) == (500, {"error": "File 3 is damaged."})
    answer = client.get("/none")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found."})
    answer = client.get("/damaged/x")
    assert answer.status_code == 422
    assert "a value that cannot be: number." in answer.json()["error"]
