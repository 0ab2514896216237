"""The command line, run within the process of the tests: starting one that trains takes 5 s."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from radapt.cli.app import main


def run_command(*words: object) -> tuple[str, str]:
    """Run a command that has to work; give what it printed on standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["radapt", *map(str, words)])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
            main()
    assert not stopped.value.code, err.getvalue()
    return out.getvalue(), err.getvalue()
