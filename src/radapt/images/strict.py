"""What Pillow only warns of is an error while a film is read, and what pydicom warns of stays unsaid."""

import logging
import threading
import warnings
from types import TracebackType

from PIL import Image


class _Strict:
    """Turns Pillow's warnings of damaged data into errors, and silences pydicom's, while a block runs.

    Warning filters belong to the whole process, so the first thread to come in sets them and the last to go
    out puts back what was there. Two warnings pass: of odd but harmless TIFF tags, and of large
    pictures, whose pixels the reader counts for itself. pydicom warns of much that is harmless in what
    hospitals export, and quotes values that may name a patient, in warnings and to its logger.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._before = warnings.catch_warnings()
        self._passed_on: dict[logging.Logger, bool] = {}

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("error", module=r"PIL\.")
                warnings.filterwarnings("ignore", message="Metadata Warning", module=r"PIL\.")
                warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", module=r"(pydicom|pylibjpeg|libjpeg|openjpeg|rle)\b")
                self._hush()
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                for log, passed_on in self._passed_on.items():
                    log.propagate = passed_on
                self._before.__exit__(kind, error, trace)

    def _hush(self) -> None:
        for name in ("pydicom", "pylibjpeg", "libjpeg", "openjpeg"):
            log = logging.getLogger(name)
            if not log.handlers:
                log.addHandler(logging.NullHandler())  # else what is logged goes to the terminal
            self._passed_on[log], log.propagate = log.propagate, False


strict_pillow = _Strict()  # with strict_pillow: ...
