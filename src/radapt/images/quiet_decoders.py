"""While an image is decoded, turn Pillow's warnings into errors, and silence pydicom and libtiff."""

import ctypes
import logging
import threading
import warnings
from functools import cache
from types import TracebackType
from typing import Any

from PIL import Image, _imaging

# Packages whose warnings and logs may quote what a file or an address says of a patient.
_TALKATIVE = (
    *("pydicom", "pylibjpeg", "libjpeg", "openjpeg"),
    *("highdicom", "dicomweb_client", "retrying", "urllib3"),
)


class _Strict:
    """Turns Pillow's warnings about damage into errors, and silences pydicom and libtiff, inside a block.

    Warning filters and libtiff's handlers are global to the process: the first thread that enters sets them,
    and the last that leaves restores them. Three warnings are ignored: about unusual but harmless TIFF tags,
    about JPEGs with a damaged index of further pictures, and about large pictures, since the reader checks
    the number of pixels itself. pydicom warns about much that is harmless in hospitals' files, and its
    warnings and log quote values that may name a patient. libtiff writes messages directly to the terminal.
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
                warnings.filterwarnings("ignore", module=rf"({'|'.join((*_TALKATIVE, 'rle'))})\b")
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
        for name in _TALKATIVE:
            log = logging.getLogger(name)
            if not log.handlers:
                log.addHandler(logging.NullHandler())  # otherwise logging would write to the terminal
            self._passed_on[log], log.propagate = log.propagate, False


@cache
def handlers_of_libtiff() -> tuple[Any, ...]:
    """Return libtiff's functions that set its error and warning handler and return the previous one.

    Empty if Pillow is linked statically with libtiff, as on Windows: there its messages reach the terminal.
    """
    try:
        library = ctypes.CDLL(_imaging.__file__)  # already loaded, with the libraries it is linked to
        setters = (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler)
    except (AttributeError, OSError):
        return ()
    for setter in setters:
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setters


strict_pillow = _Strict()  # with strict_pillow: ...
