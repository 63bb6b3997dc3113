"""The start and the end of `thrum`. `run` is the console script; `main` does the same inside of a living process.

Every error becomes a sentence and an exit code here, and nowhere else.
"""

from __future__ import annotations

import errno
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from thrum_store.errors import WorktreeMismatch

    from .command import App, Line

INTERRUPTED = 130  # what a shell reports for signal 2
BROKEN_PIPE = 141  # signal 13: the reader of our output is gone
_COMPLETE = "_THRUM_COMPLETE"
_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
_HELP = {"--help", "-h"}


def run() -> None:
    """Run `thrum` and end the process at once.

    Nothing is torn down: every answer is flushed and every event is on disk, so SQLite's last checkpoint and the
    interpreter's clean-up would only cost time (8 ms of 60). A kill would do no harm either.
    """
    if sys.argv[1:2] == ["hook"] and not _HELP.intersection(sys.argv):
        from .hooks.entry import run as hook  # runs at every tool call of an agent, and loads nothing else

        code = hook(sys.argv[2:])
        sys.stdout.flush()
        os._exit(code)
    gc.set_threshold(50_000)  # imports make many objects and no garbage: 2 ms less, and a long wait stays bounded
    try:
        from .command import App  # only now, with the collector tamed

        code = answer(App(), sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run `thrum ARGUMENTS` and return its exit code, with everything closed."""
    from .command import App  # as above

    with App() as app:
        return answer(app, arguments)


def answer(app: App, arguments: Sequence[str]) -> int:
    """Run one command line and return the exit code. Prints at most one result or one error, never a traceback."""
    try:
        return _answer(app, arguments)
    except BrokenPipeError:
        return BROKEN_PIPE
    except SystemExit as end:  # click ends a completion so, and help whose reader is gone
        return int(end.code or 0) if _COMPLETE in os.environ else BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: an unforeseen error ends as a sentence as well
        return _crashed(app, arguments, error)


def _answer(app: App, arguments: Sequence[str]) -> int:
    from thrum_store.errors import ThrumError, WorktreeMismatch  # as above

    from .terminal import output

    try:
        result = _run(app, arguments)
    except WorktreeMismatch as error:
        return _failed(app, arguments, (error.code, error.message, _from_its_worktree(error, arguments)))
    except ThrumError as error:
        return _failed(app, arguments, (error.code, error.message, error.hint))
    if isinstance(result, int):  # an exit code: of --help, or of a command that prints by itself
        return result
    try:
        code = output.emit(result, as_json=app.json, quiet=app.quiet)
    except BrokenPipeError:
        raise
    except OSError as error:  # standard output is a file on a full disk, or above a limit
        reason = f"the answer could not be written: {error.strerror}"
        return _failed(
            app, arguments, ("output_failed", reason, "the command itself was carried out; do not repeat it")
        )
    for warning in app.warnings:
        output.warn(warning)
    return code


def _run(app: App, arguments: Sequence[str]) -> object:
    from thrum_store import values  # as above

    from .command import read

    for place, argument in enumerate(arguments, 1):
        values.storable(argument, f"text of argument {place}")
    if _COMPLETE in os.environ:
        from .completion import offer  # only when a shell asks

        offer()
    elif (line := read(arguments)) is not None:
        return _everyday(app, line)
    from .root import run as run_command  # click, which a plain line does not need

    return run_command(app, arguments)


def _everyday(app: App, line: Line) -> object:
    try:
        return line.run(app)
    except KeyboardInterrupt:
        from .terminal import output  # as above

        output.end_line()
        raise


def _failed(app: App, arguments: Sequence[str], error: tuple[str, str, str | None]) -> int:
    """Print an error: its code, message and hint."""
    from .terminal import output  # as above

    # A line that could not be parsed may have ended before its --json.
    output.fail(*error, as_json=app.json or "--json" in arguments)
    return app.error_code


def _from_its_worktree(error: WorktreeMismatch, arguments: Sequence[str]) -> str | None:
    """Return the hint of a refusal: this line as the agent's own worktree runs it, where that one is known."""
    if not error.place:
        return error.hint
    import shlex  # only for a refusal

    rest, words = iter(arguments), list[str]()
    for word in rest:
        if word == "--repo":
            next(rest, None)
        elif not word.startswith("--repo="):
            words.append(word)
    line = shlex.join(["thrum", "--repo", error.place, *words])
    return f"`THRUM_NAME={error.name} {line}`; {error.hint}"


def _crashed(app: App, arguments: Sequence[str], error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _NO_DESCRIPTORS:
        hint = "close some, or raise the limit with `ulimit -n 4096`, and repeat the command"
        return _failed(app, arguments, ("too_many_files", "too many files are open", hint))
    from .crash import keep  # almost never needed

    path = keep(app, error)
    hint = f"the details are in {path}" if path else "run it again with --verbose to see where"
    try:
        return _failed(app, arguments, ("internal", f"thrum failed: {type(error).__name__}: {error}", hint))
    except OSError:  # standard error is closed, too
        return app.error_code


if __name__ == "__main__":
    run()
