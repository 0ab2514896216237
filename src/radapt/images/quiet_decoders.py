"""While an image is read, Pillow's warnings are errors, and what pydicom and libtiff say stays unsaid."""

import ctypes
import logging
import threading
import warnings
from functools import cache
from types import TracebackType
from typing import Any

from PIL import Image, _imaging


class _Strict:
    """Turns Pillow's warnings of damage into errors, and silences pydicom and libtiff, while a block runs.

    Warning filters and libtiff's handlers belong to the whole process, so the first thread to come in sets
    them and the last to go out puts back what was there. Three warnings pass: of odd but harmless TIFF tags,
    of JPEGs whose list of further pictures is damaged, and of large pictures, whose pixels the reader counts
    for itself. pydicom warns of much that is harmless in what hospitals export, and quotes values that may
    name a patient, in warnings and to its logger.
    libtiff writes what is wrong with a file straight to the terminal, past Python.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._before = warnings.catch_warnings()
        self._passed_on: dict[logging.Logger, bool] = {}
        self._handlers: list[int | None] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("error", module=r"PIL\.")
                warnings.filterwarnings("ignore", message="Metadata Warning", module=r"PIL\.")
                warnings.filterwarnings(
                    "ignore", message="Image appears to be a malformed MPO", module=r"PIL\."
                )
                warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", module=r"(pydicom|pylibjpeg|libjpeg|openjpeg|rle)\b")
                self._hush()
                self._handlers = [setter(None) for setter in handlers_of_libtiff()]
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                for log, passed_on in self._passed_on.items():
                    log.propagate = passed_on
                for setter, handler in zip(handlers_of_libtiff(), self._handlers, strict=True):
                    setter(handler)
                self._before.__exit__(kind, error, trace)

    def _hush(self) -> None:
        for name in ("pydicom", "pylibjpeg", "libjpeg", "openjpeg"):
            log = logging.getLogger(name)
            if not log.handlers:
                log.addHandler(logging.NullHandler())  # else what is logged goes to the terminal
            self._passed_on[log], log.propagate = log.propagate, False


@cache
def handlers_of_libtiff() -> tuple[Any, ...]:
    """Give the functions that set what libtiff does with an error and a warning, and return what it did.

    There are none where Pillow has libtiff within itself, as on Windows: there its lines reach the terminal.
    """
    try:
        library = ctypes.CDLL(_imaging.__file__)  # loaded already, and with it what it is linked to
        setters = (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler)
    except (AttributeError, OSError):
        return ()
    for setter in setters:
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setters


strict_pillow = _Strict()  # with strict_pillow: ...
