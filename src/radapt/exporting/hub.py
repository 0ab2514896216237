"""Models on a Hugging Face Hub: push an exported one with its card, and pull one by `hf:OWNER/NAME`.

HF_ENDPOINT names another hub than the public one, and HF_TOKEN who pushes. Pushed are the exported file,
the weights with their description, a short record and the card: no predictions, no list of images or
patients.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from radapt.artefacts import CLASSIFIER, RECORD, SCHEMA, WEIGHTS
from radapt.errors import AskedWrongly, RadaptError
from radapt.exporting.export import Exported
from radapt.exporting.model_card import CARD_DATA, Facts, model_card
from radapt.exporting.model_card_text import card_text
from radapt.exporting.onnx_model import SUFFIX
from radapt.files import read_document

PREFIX = "hf:"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
PAGE = "README.md"  # where a hub looks for the card
PULLED = [CLASSIFIER, WEIGHTS, RECORD, f"*{SUFFIX}", CARD_DATA]
KEPT = ("strategy", "images", "pretrained", "golden")  # of a run's record
ENDPOINT = "HF_ENDPOINT"


def push(name: str, run: Path, file: Exported, *, public: bool = False) -> str:
    """Push an exported file with its run's weights and its card; give the address of the model.

    Parameters
    ----------
    name
        OWNER/NAME; made if it is not there yet.
    public
        Whether everybody may see it; a model that is there already stays as private as it is.

    Raises
    ------
    AskedWrongly
        If it is no such name, huggingface_hub is not installed, the hub refuses who asks, or the model is
        there already and public, and that is not asked for.
    RadaptError
        If the hub cannot be reached or fails.
    """
    check_name(name)
    card = _for_others(model_card(run, file), name)
    with _asking(name) as library:
        api = library.HfApi(endpoint=os.environ.get(ENDPOINT))
        made = api.create_repo(name, exist_ok=True, private=not public)
        if not public and not api.model_info(name).private:
            raise AskedWrongly(f"{name} is public on this hub: give --public too, or another name.")
        operations = [
            library.CommitOperationAdd(path_in_repo=place, path_or_fileobj=content)
            for place, content in _pushed(run, file, card).items()
        ]
        api.create_commit(name, operations=operations, commit_message=f"Export by radapt {card['radapt']}")
        return str(made)


def pull(name: str) -> Path:
    """Fetch a model that radapt pushed, into the library's own cache; give its run folder or file of ONNX.

    Raises
    ------
    AskedWrongly
        If it is no name of a model, huggingface_hub is not installed, or the hub has no such model.
    RadaptError
        If the hub cannot be reached or fails.
    """
    check_name(name)
    with _asking(name) as library:
        folder = Path(
            library.snapshot_download(name, allow_patterns=PULLED, endpoint=os.environ.get(ENDPOINT))
        )
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if (folder / CLASSIFIER).is_file():
        return folder
    if len(files) != 1:
        raise AskedWrongly(
            f"{PREFIX}{name} is no model that `radapt export --hub` pushed: it holds no {CLASSIFIER} and not "
            f"one file {SUFFIX}."
        )
    return files[0]


def pulled(path: Path) -> Path:
    """Return a path as it is, and of `hf:OWNER/NAME` where that model was fetched to."""
    text = path.as_posix()
    return pull(text.removeprefix(PREFIX)) if text.startswith(PREFIX) and not path.exists() else path


def check_name(name: str) -> None:
    """Refuse what is no name of a model on a hub.

    Raises
    ------
    AskedWrongly
        If it is none.
    """
    if not NAME.fullmatch(name):
        raise AskedWrongly(f"A model on a hub is named OWNER/NAME. Got {name!r}.")


def _pushed(run: Path, file: Exported, card: Facts) -> dict[str, Any]:
    """Return the contents of the files to push, by their names there."""
    document = json.dumps({"schema": SCHEMA, **card}, indent=2, allow_nan=False)
    texts = {PAGE: f"{_front_matter(card)}{card_text(card)}", CARD_DATA: f"{document}\n"}
    return {
        file.path.name: file.path.read_bytes(),
        RECORD: f"{json.dumps(_record(run, file), indent=2, allow_nan=False)}\n".encode(),
        CLASSIFIER: (run / CLASSIFIER).read_bytes(),
        WEIGHTS: (run / WEIGHTS).read_bytes(),
        **{name: text.encode() for name, text in texts.items()},
    }


def _record(run: Path, file: Exported) -> dict[str, Any]:
    """Return what commands need of a record: thresholds, golden scores, how the model was made."""
    record = read_document(run / RECORD)
    kept: dict[str, Any] = {key: record[key] for key in KEPT if key in record}
    return {"schema": SCHEMA, **kept, "thresholds": dict(file.metadata.thresholds), "notices": []}


def _for_others(card: Facts, name: str) -> Facts:
    """Return a card without the folder of the run, the command line and the fingerprints of data sets."""
    data = [{**each, "fingerprint": None} for each in card["data"]]
    return {**card, "name": name, "data": data, "made": {**card["made"], "command": None}}


def _front_matter(card: Facts) -> str:
    """Return what a hub reads of a card: library, task and, where it is known, the licence."""
    known = "apache-2.0" if card["licence"]["weights"].lower().startswith("apache-2.0") else "other"
    lines = [f"license: {known}", "library_name: radapt", "pipeline_tag: image-classification"]
    return "\n".join(["---", *lines, "tags:", "- chest-x-ray", "- research-only", "---", "", ""])


@contextmanager
def _asking(name: str) -> Iterator[Any]:
    """Hand out the library, and put what its requests raise into one sentence."""
    try:
        import huggingface_hub as library
        from huggingface_hub import errors
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError:
        raise AskedWrongly(
            "Models of a Hugging Face Hub need huggingface_hub: pip install 'radapt[hub]'."
        ) from None
    hub = os.environ.get(ENDPOINT) or "the Hugging Face Hub"
    disable_progress_bars()
    try:
        yield library
    except errors.RepositoryNotFoundError:
        raise AskedWrongly(
            f"{hub} has no model {name}, or none for you: look at the name, and at HF_TOKEN."
        ) from None
    except errors.HfHubHTTPError as error:
        code = getattr(error.response, "status_code", "an error")
        advice = ": give a token with the right to write as HF_TOKEN" if code in (401, 403) else ""
        raise RadaptError(f"{hub} answered {code} for {name}{advice}.") from None
    except (OSError, ValueError, errors.LocalEntryNotFoundError) as error:
        reason = (
            str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        )
        raise RadaptError(f"{name} could not be exchanged with {hub} ({reason}).") from None
