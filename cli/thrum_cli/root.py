"""The tree of commands, and its reader: click's commands are made from the declared ones.

Global flags are read anywhere on the line, examples are shown in the help, and a command loads when it is run.
"""

from __future__ import annotations

import shlex

import click

from .command import (
    GLOBAL_FLAGS,
    HELP,
    App,
    Argument,
    Command,
    Group,
    Option,
    Usage,
    is_lacking,
    is_option,
    lazily,
    loaded,
    summary,
)
from .terminal.output import Outcome, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from click.shell_completion import CompletionItem


_SECTIONS = {
    "Setup and orientation": {
        "init": "Set thrum up in this repository.",
        "setup": "Set up a worktree, or write instructions into CLAUDE.md.",
        "quickstart": "Register, start a session and set your intent.",
        "prime": "Print everything an agent needs to start or continue.",
        "overview": "Show yourself, the team, your inbox and the sync.",
        "status": "Show your identity, session, work, inbox, daemon and sync.",
        "whoami": "Show your identity and where it comes from.",
        "migrate": "Import messages from an older thrum.",
        "config": "Show and change the settings of this clone.",
        "doctor": "Find problems in the setup and repair them.",
        "version": "Show the version, the build and where to read more.",
        "completion": "Print the completion script of a shell.",
        "demo": "Watch two agents talk in a scratch repository.",
    },
    "Messages": {
        "send": "Send a message.",
        "reply": "Reply to a message.",
        "inbox": "List the messages in your inbox.",
        "sent": "List the messages you sent, and who has read them.",
        "wait": "Block until a message arrives.",
        "purge": "Delete old messages permanently.",
        "message": "Show, edit, delete or mark single messages.",
        "search": "Search messages.",
        "subscribe": "Subscribe to new messages.",
        "unsubscribe": "Remove a subscription.",
        "subscriptions": "List your subscriptions.",
        "watch": "Print the messages you subscribed to as they arrive.",
    },
    "Agents and sessions": {
        "agent": "Register, list and delete agents.",
        "session": "Start and end work sessions, and report on your work.",
        "group": "Manage groups of agents.",
    },
    "Coordination": {
        "team": "Show the active agents and their work.",
        "who-has": "Show who is editing a file.",
        "ping": "Check whether an agent is active.",
        "context": "Save notes for your next session, and show them.",
        "roles": "Manage preamble templates for roles.",
    },
    "Data": {
        "query": "Run one SQL query over messages, agents and groups.",
        "export": "Write messages, agents and groups into a SQLite file.",
        "backup": "Make a backup of messages, contexts, identities and settings.",
    },
    "Between machines": {
        "daemon": "Run the background process for sync and notifications.",
        "sync": "Exchange messages with other clones through git.",
    },
    "Clients of coding agents": {
        "mcp": "Serve MCP to a coding agent.",
        "runtime": "List the supported clients, and choose the default.",
        "toolkit": "Copy agents, skills, templates and scripts that ship with thrum.",
        "uninit": "Undo what `thrum init` wrote for a client.",
        "hook": "Answer a client's hook.",
        "listen": "Print one line for each new message.",
    },
}


def _alone(app: App, version: bool) -> object:
    """Show the version or the help. Raises Usage with --json, for which a command must be named."""
    if version:
        from .commands.version import current_version  # loads importlib.metadata

        return current_version()
    if app.json:
        raise Usage("no command is named", hint="`thrum --help`")
    return Outcome(None, answer=click.get_current_context().get_help())


thrum = Group(
    "thrum",
    """Durable messaging for coding agents in the worktrees of one repository.

    Two agents need only a repository that is set up; there is no server to start.
    """,
    {heading: lazily("commands", helps) for heading, helps in _SECTIONS.items()},
    (
        "thrum demo",
        "thrum init && thrum quickstart --name planner --role lead --module auth",
        'thrum send "Ready for review" --to @builder',
        "thrum COMMAND --help",
    ),
    function=_alone,
    options=(Option("--version", "Show the version."),),
)


def run(app: App, arguments: Sequence[str]) -> object:
    """Run one command line and return the command's result, or an exit code. Raises Usage, KeyboardInterrupt."""
    if arguments[:1] in (["help"], ("help",)):
        arguments = [*arguments[1:], "--help"]
    try:
        return ClickGroup(thrum).main(list(arguments), prog_name="thrum", standalone_mode=False, obj=app)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "thrum"
        from . import suggestions  # only a line that cannot be read needs its tables

        message, hint = suggestions.refusal(thrum, arguments, error)
        raise Usage(message, hint=hint or _hint(path, error, arguments)) from None
    except click.Abort:
        raise KeyboardInterrupt from None


def _hint(path: str, error: click.UsageError, arguments: Sequence[str]) -> str:
    """Return the next step; a text that looks like an option follows `--`."""
    if isinstance(error, _LostValueError):
        return f"`{error.line}`"
    line = _as_text(error, arguments) if isinstance(error, click.NoSuchOption) and not error.possibilities else ""
    return f"`{path} --help`" + (f"; if it is a text, put it last, after `--`: `{line}`" if line else "")


def _as_text(error: click.NoSuchOption, arguments: Sequence[str]) -> str:
    """Return the line with the unknown option as a text, or "" if the command takes no further text."""
    if error.ctx is None or {"--help", "-h"}.intersection(arguments):
        return ""
    text = next((word for word in arguments if word.startswith(error.option_name)), error.option_name)
    words = [*(word for word in arguments if word != text), "--", text]
    command = error.ctx.command
    try:
        command.make_context("", words[words.index(error.ctx.info_name or "") + 1 :], parent=error.ctx.parent)
    except (click.ClickException, ValueError):
        return ""
    return shlex.join(["thrum", *words])


def parameter(declared: Option | Argument) -> click.Parameter:
    """Return click's parameter for a declared one."""
    common: dict[str, Any] = {"metavar": declared.metavar or None}
    if declared.kind != "text" or declared.least is not None:
        common["type"] = _type(declared)
    if declared.complete:
        common["shell_complete"] = _completer(declared.complete)
    if isinstance(declared, Option):
        return _option(declared, common)
    return click.Argument([declared.name], required=declared.required, nargs=-1 if declared.many else 1, **common)


def _option(declared: Option, common: dict[str, Any]) -> click.Option:
    if declared.default is not None or "/" in declared.flags:
        common["default"] = declared.default
    if declared.on_app:
        common |= {"expose_value": False, "callback": _keep}
    if not declared.metavar and "/" not in declared.flags:
        common["is_flag"] = True
    names = [*declared.flags.split(), *([declared.name] if declared.name else [])]
    return click.Option(names, help=declared.help, multiple=declared.multiple, **common)


def _type(declared: Option | Argument) -> click.ParamType[Any]:
    if declared.kind == "file":
        return click.File("rb")
    if declared.least is None:
        return click.INT
    return click.IntRange(declared.least, declared.most if isinstance(declared, Option) else None)


def _completer(name: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a callback that loads the function `name` of `completion` when a shell asks."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        from . import completion  # only when a shell asks

        offered: list[str] = getattr(completion, name)(context.find_object(App) or App(), incomplete)
        return offered

    return complete


class _LostValueError(click.UsageError):
    """Raised if the value of an option was lost. `line` is the whole line, with a name in each place to fill."""

    def __init__(self, message: str, line: str, context: click.Context) -> None:
        super().__init__(message, context)
        self.line = line


def _keep(context: click.Context, flag: click.Parameter, value: object) -> None:
    """Store a global flag on the App. Ignore unset values: the flag may appear at another level of the command line."""
    app = context.find_object(App)
    if value and app is not None and flag.name:
        setattr(app, flag.name, value)


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        tell(context.get_help())
        context.exit()


_LINE = "thrum.line"  # the key of the whole line in click's context
_FLAGS = tuple(parameter(flag) for flag in GLOBAL_FLAGS)
# Ours, because click's looks for a translation of its help text at every start (1.5 ms).
_HELP = click.Option(
    [*HELP], is_flag=True, is_eager=True, expose_value=False, callback=_show_help, help="Show this help."
)


def _callback(declared: Command | Group) -> Callable[..., Any]:
    """Return a function that runs a command with the App; a group runs only if no command of it is named."""

    def call(**values: object) -> object:
        context = click.get_current_context()
        if isinstance(declared, Command):
            return declared.call(context.ensure_object(App), values)
        if declared.function is None or context.invoked_subcommand is not None:
            return None
        return declared.function(context.find_object(App), **values)

    return call


class ClickCommand(click.Command):
    """Click's command for a declared one: with the global flags, examples, and the exit code of its failures."""

    def __init__(self, declared: Command | Group, **attributes: Any) -> None:
        super().__init__(
            declared.name,
            params=[parameter(option) for option in declared.options],
            callback=_callback(declared),
            help=declared.help,
            **attributes,
        )
        self.declared = declared

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return its own parameters, and each global flag whose name it does not use itself."""
        own = [*self.params, _HELP]
        taken = {name for parameter in own for name in parameter.opts}
        return [*own, *(flag for flag in _FLAGS if taken.isdisjoint(flag.opts))]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; from here on a failure exits with the command's code."""
        app = ctx.find_object(App)
        if app is not None and isinstance(self.declared, Command):
            app.error_code = self.declared.error_code
        line: list[str] = ctx.meta.setdefault(_LINE, list(args))
        if not ctx.resilient_parsing:
            self._require_values(ctx, args, line[: len(line) - len(args)])
        try:
            return super().parse_args(ctx, self._sorted(ctx, args))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser does not name the command
            raise

    def _require_values(self, ctx: click.Context, args: list[str], before: list[str]) -> None:
        """Raise _LostValueError if another option, or the end of the line, follows an option that takes a value."""
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        valued = {name: option for option in options if not option.is_flag for name in option.opts}
        spelled = {name for option in options for name in (*option.opts, *option.secondary_opts)}
        filled: list[str] = []
        lost: list[str] = []
        rest = list(args)
        while rest and rest[0] != "--" and (rest[0][:1] == "-" or not isinstance(self, click.Group)):
            filled.append(rest.pop(0))
            if (option := valued.get(filled[-1])) is None:
                continue
            if rest and not is_lacking(option.metavar or "", rest[0], spelled):
                filled.append(rest.pop(0))
            else:
                lost.append(f"{filled[-1]} has no value" + (f": {rest[0]} follows it" if rest else ""))
                filled.append(option.metavar or "VALUE")
        if lost:
            raise _LostValueError(lost[0], shlex.join(["thrum", *before, *filled, *rest]), ctx)

    def _sorted(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return a line with its options first, then `--` and its texts, if a text begins with a dash (`is_option`)."""
        dashed = any(word[:1] == "-" and word not in ("-", "--") and not is_option(word) for word in args)
        if not dashed or isinstance(self, click.Group):
            return args
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        valued = {name for option in options if not (option.is_flag or option.count) for name in option.opts}
        given: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words += rest
            elif is_option(word):
                value = next(rest, None) if word in valued else ""
                if value is None:
                    return [word]  # click says that its value is missing
                given += [word, value] if word in valued else [word]
            else:
                words.append(word)
        return [*given, "--", *words]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write this command's options in full; list the global ones in full only in `thrum --help`."""
        params = self.get_params(ctx) if ctx.parent is None else [*self.params, _HELP]
        records = [option.get_help_record(ctx) for option in params if isinstance(option, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])
        if ctx.parent is not None:
            with formatter.section("Global flags"):
                formatter.write_text(f"{' '.join(flag.flags for flag in GLOBAL_FLAGS)} (see `thrum --help`)")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.declared.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class ClickGroup(ClickCommand, click.Group):
    """Click's group for a declared one; it loads a command only to run it."""

    def __init__(self, declared: Group) -> None:
        alone = declared.function is not None
        super().__init__(declared, invoke_without_command=alone, context_settings={"max_content_width": 100})
        self._group = declared

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; show the help where a command is needed and the line is empty."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            tell(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return the commands and flags that begin with `incomplete`, without loading any."""
        from click.shell_completion import CompletionItem  # only when a shell asks

        fitting = {name: entry for name, entry in self._group.entries.items() if name.startswith(incomplete)}
        flags = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=summary(entry)) for name, entry in fitting.items()), *flags]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self._group.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None for an unknown name."""
        entry = self._group.entries.get(cmd_name)
        return None if entry is None else made(loaded(entry))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command. Raises UsageError for an unknown one, with the nearest names."""
        wanted = args[0]
        if wanted not in self._group.entries and not wanted.startswith("-"):
            if not self._group.default:
                from .suggestions import UnknownCommand  # only a mistyped name needs it

                raise UnknownCommand(wanted, self._nearest(wanted), ctx)
            args = [self._group.default, *args]
        return super().resolve_command(ctx, args)

    def _nearest(self, wanted: str) -> str:
        from difflib import get_close_matches  # 4 ms that only a mistyped name costs

        near = get_close_matches(wanted, self._group.entries, n=2)
        return f"; did you mean {' or '.join(near)}?" if near else ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, then the options."""
        width = max(map(len, self._group.entries))
        for heading, entries in self._group.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), summary(entry)) for name, entry in entries.items()])
        super().format_options(ctx, formatter)


def made(declared: Command | Group) -> click.Command:
    """Return click's command for a declared one."""
    return ClickGroup(declared) if isinstance(declared, Group) else ClickCommand(declared)
