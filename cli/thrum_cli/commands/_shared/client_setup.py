"""The setup of clients, with the launcher that they start thrum by; what was written is started once."""

from __future__ import annotations

import os
import shutil

from thrum_cli.clients import launcher
from thrum_cli.clients.configure import CREATED, REFUSED, Configure, Configured, configure
from thrum_cli.clients.installation import Installation, installation, is_own
from thrum_cli.clients.start_check import Starter, file_problems
from thrum_cli.terminal.output import human
from thrum_store.errors import Conflict
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.values import Record, replaced


class Starting(Record):
    """The way in which clients start thrum: the launcher, and the command in it that was written now.

    `problems` say where it does not start; `remarks` is what else the user should know.
    """

    launcher: str
    command: tuple[str, ...]
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def write_launcher(paths: Paths) -> None:
    """Write the launcher of this clone, unless thrum runs from a place that does not last."""
    try:
        lasting = installation(paths.root)
    except Conflict:
        return
    if not lasting.remark:
        launcher.install(paths, lasting.words, REAL)


def set_clients_up(paths: Paths, request: Configure) -> tuple[Configured, Starting]:
    """Write the launcher and the clients' files, and start what they start. Raises as `configure`, and Conflict."""
    lasting = installation(paths.root)
    starter = Starter(paths)
    if not request.dry_run:
        launcher.install(paths, lasting.words, REAL)
    files = configure(paths, replaced(request, starts=starter.works))
    present = [file.path for file in files.files if file.status not in ((CREATED, REFUSED) if request.dry_run else ())]
    problems = () if request.dry_run else file_problems(paths, present, starter)
    own = tuple(str(problem) for problem in problems if problem.own)
    others = tuple(str(problem) for problem in problems if not problem.own)
    return files, Starting(paths.launcher, lasting.words, own, (*others, *_remarks(lasting)))


def _remarks(lasting: Installation) -> tuple[str, ...]:
    """Return what agents that run `thrum` in their shell will meet."""
    name = shutil.which("thrum")
    missing = "`thrum` is not on your PATH, so agents cannot run it in their shell"
    if scripts := [word for word in lasting.words[:2] if os.path.basename(word) == "thrum"]:
        missing += f'; add it with `export PATH="{os.path.dirname(scripts[0])}:$PATH"`'
    other = f"the `thrum` on your PATH, {name}, is another program"
    remarks = (lasting.remark, missing if name is None else "" if is_own(name) else other)
    return tuple(filter(None, remarks))


@human.register(Starting)
def starting(result: Starting) -> str:
    """Return the problems of starting thrum in words, and the remarks; "" if there is none."""
    problems = [f"  {problem}" for problem in result.problems]
    first = ["thrum does not start in a client as it is set up:"] if problems else []
    return "\n".join([*first, *problems, *(f"Note: {remark}." for remark in result.remarks)])
