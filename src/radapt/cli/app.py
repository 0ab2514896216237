"""The door: every command, and what happens when one goes wrong."""

import functools
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn, cast

import typer

from radapt.cli import (
    adapt,
    advise,
    audit,
    data,
    demo,
    drift,
    evaluate,
    models,
    pack,
    predict,
    prevalence,
    preview,
    protocol,
    report,
    shift,
    stopping,
    study,
    train,
)
from radapt.cli.printing import say
from radapt.cli.recording import recorded
from radapt.errors import AskedWrongly, RadaptError, Stopped
from radapt.provenance import under_way
from radapt.text import shortened, visible
from radapt.version import __version__

app = typer.Typer(
    name="radapt",
    help="Retrain a chest-X-ray classifier for another hospital, and know what it bought you.",
    epilog="Research software: no part of it is a medical device, and it makes no clinical claim.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help would double the time that --help takes
)
data_app = typer.Typer(
    help="Public data sets: what there is, and how to get it.", no_args_is_help=True, rich_markup_mode=None
)
protocol_app = typer.Typer(
    help="What a study is to show, written down before it.", no_args_is_help=True, rich_markup_mode=None
)
COMMANDS: tuple[Callable[..., None], ...] = (
    demo.demo,
    study.study,
    train.train,
    adapt.adapt,
    advise.advise,
    evaluate.evaluate,
    predict.predict,
    drift.drift,
    prevalence.prevalence,
    preview.preview,
    audit.audit,
    pack.pack,
    shift.shift,
    shift.shifts,
    shift.stress,
    report.report,
    models.models,
    models.strategies,
)
ASKING = {  # those that keep nothing of work that was stopped
    advise.advise,
    evaluate.evaluate,
    predict.predict,
    drift.drift,
    prevalence.prevalence,
    preview.preview,
    audit.audit,
    shift.shifts,
    report.report,
    models.models,
    models.strategies,
    data.list_sets,
    protocol.init,
}
DATA_COMMANDS: dict[str, Callable[..., None]] = {"list": data.list_sets, "fetch": data.fetch}
PROTOCOL_COMMANDS: dict[str, Callable[..., None]] = {"init": protocol.init}


_Misspelled = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])  # whatever the parser refuses


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Let runs record a command, and a signal end it in a sentence, not in the parser's silent exit."""

    @functools.wraps(command)
    def run(*words: Any, **options: Any) -> None:
        kept = command not in ASKING
        try:
            with (
                stopping.working(str(Stopped(kept=kept))),
                under_way(recorded(typer.main.get_command(app), sys.argv[1:], options)),
            ):
                command(*words, **options)
        except KeyboardInterrupt as signalled:
            stopping.ignore()
            raise Stopped(kept=kept, code=143 if isinstance(signalled, stopping.Ended) else 130) from None

    return run


for command in COMMANDS:
    app.command()(_stoppable(command))
for name, command in DATA_COMMANDS.items():
    data_app.command(name)(_stoppable(command))
app.add_typer(data_app, name="data")
for name, command in PROTOCOL_COMMANDS.items():
    protocol_app.command(name)(_stoppable(command))
app.add_typer(protocol_app, name="protocol")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"radapt {__version__}")
        raise typer.Exit


@app.callback()
def radapt(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Retrain a chest-X-ray classifier for another hospital, and know what it bought you."""


def _check_words(words: list[str]) -> None:
    """Refuse an empty word: as a path it is the working folder, and most often a variable that is not set.

    Raises
    ------
    AskedWrongly
        If there is one, or an option with nothing after its `=`.
    """
    for place, word in enumerate(words):
        if not word.strip() or (word.startswith("--") and word.endswith("=")):
            where = f"in {word}" if word.strip() else f"after {words[place - 1]}" if place else "at first"
            raise AskedWrongly(
                f"There is an empty word {where}. Give a name or a path (. is the working folder), or leave "
                "the option out."
            )


def main() -> NoReturn:
    """Run the command line; errors end in one line on standard error and exit code 2 or 1."""
    if isinstance(sys.stdout, TextIOWrapper):  # a letter that the terminal's encoding lacks is written out
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _check_words(sys.argv[1:])
        code = app(standalone_mode=False)
    except _Misspelled as error:
        _say_usage(error)
    except typer.Abort:
        sys.exit(1)
    except RadaptError as error:
        _fail(str(error), error.exit_code)
    except MemoryError as error:
        _fail(
            f"There is not enough memory for this{_asked(error)}. Take fewer or smaller images (--size).", 1
        )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"The machine refused: {error.strerror or error}{where}. What was done is kept.", 1)
    except Exception as error:
        if os.environ.get("RADAPT_DEBUG"):
            raise
        _fail(
            f"This should not have happened: {type(error).__name__}: {error}. "
            "Set RADAPT_DEBUG=1 to see where, and please report it.",
            1,
        )
    sys.exit(code or 0)


def _say_usage(error: typer.BadParameter) -> NoReturn:
    """Let the parser say what is wrong, without what is long or unprintable among the words."""
    if len(sys.argv) > 1:  # else it is the whole help
        error.message = "\n".join(visible(line) for line in shortened(error.message).split("\n"))
    error.show()
    sys.exit(error.exit_code)


def _asked(error: MemoryError) -> str:
    return f" ({error})" if str(error) else ""


def _fail(text: str, code: int) -> NoReturn:
    say(f"radapt: {shortened(' '.join(text.split()))}", error=True)
    sys.exit(code)
