"""How our commands differ from click's: global flags go anywhere, examples are shown, groups load when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .app import App
from .terminal.output import tell

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Callback = Callable[..., Any]
Flag = click.Option | click.Argument
Returns = type | tuple[type, ...]

pass_app = click.make_pass_decorator(App)


def keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Notes a global flag; the absence of one says nothing, because it may stand elsewhere on the line."""
    app = context.find_object(App)
    if value and app is not None and parameter.name:
        setattr(app, parameter.name, value)


def _flag(name: str, help_text: str, **attributes: Any) -> click.Option:
    return click.Option([name], help=help_text, expose_value=False, callback=keep, **attributes)


FLAGS = (
    _flag("--role", "Your role; else THRUM_ROLE, else the identity file.", metavar="ROLE"),
    _flag("--module", "Your module; else THRUM_MODULE, else the identity file.", metavar="MODULE"),
    _flag("--repo", "A directory in the repository (default: here).", metavar="PATH"),
    _flag("--json", "Answer as one JSON document.", is_flag=True),
    _flag("--quiet", "Say nothing but errors.", is_flag=True),
    _flag("--verbose", "Say on standard error what is going on.", is_flag=True),
)


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        tell(context.get_help())
        context.exit()


# Ours, because click's looks for a translation of its help text at every start (1.5 ms).
_HELP = click.Option(
    ["-h", "--help"], is_flag=True, is_eager=True, expose_value=False, callback=_show_help, help="Show this help."
)


class Common(click.Command):
    """What commands and groups share: the global flags, --help, and examples."""

    examples: tuple[str, ...] = ()
    returns: Returns = ()  # what the docs say it answers with, where its annotation does not say so

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, and each global flag whose name it does not use itself."""
        own = [*self.params, _HELP]
        taken = {name for parameter in own for name in parameter.opts}
        return [*own, *(flag for flag in FLAGS if taken.isdisjoint(flag.opts))]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own options in full; the global ones in full at the top, by name below."""
        params = self.get_params(ctx) if ctx.parent is None else [*self.params, _HELP]
        options = [one for one in params if isinstance(one, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for one in options if (record := one.get_help_record(ctx)) is not None])
        if ctx.parent is not None:
            with formatter.section("Global flags"):
                formatter.write_text(f"{' '.join(flag.opts[0] for flag in FLAGS)} (see `thrum --help`)")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Command(Common):
    """One command. `error_code` is what its failures exit with."""

    def __init__(
        self, *args: Any, examples: Sequence[str] = (), error_code: int = 1, returns: Returns = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.error_code = error_code
        self.returns = returns

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses, and says first what a failure from here on exits with."""
        app = ctx.find_object(App)
        if app is not None:
            app.error_code = self.error_code
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser says what is wrong, and not of which command
            raise


class Entry(NamedTuple):
    """A command of a group that is not loaded yet: `module:attribute` in this package, and what it does."""

    target: str
    help: str


Sections = Mapping[str, Mapping[str, Entry]]


class LazyGroup(Common, click.Group):
    """A group that imports a command only to run it; its help needs none of them."""

    def __init__(
        self,
        *args: Any,
        sections: Sections,
        examples: Sequence[str] = (),
        returns: Returns = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.returns = returns
        self.sections = sections
        self.examples = tuple(examples)
        self.entries = {name: entry for entries in sections.values() for name, entry in entries.items()}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses; where a command is needed and nothing at all was said, the help answers."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            tell(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The commands and flags that begin like this, without loading any."""
        from click.shell_completion import CompletionItem  # only when a shell asks

        fitting = [(name, entry.help) for name, entry in self.entries.items() if name.startswith(incomplete)]
        flags = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=text) for name, text in fitting), *flags]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the help."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        loaded = __import__(f"{__package__}.{module}", fromlist=[attribute])
        command: click.Command = getattr(loaded, attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named; an unknown one is an error that says what it could have been."""
        wanted = args[0]
        if wanted not in self.entries and not wanted.startswith("-"):
            raise click.UsageError(f"{ctx.command_path} has no command {wanted!r}{self._nearest(wanted)}", ctx)
        return super().resolve_command(ctx, args)

    def _nearest(self, wanted: str) -> str:
        from difflib import get_close_matches  # 4 ms that only a mistyped name costs

        near = get_close_matches(wanted, self.entries, n=2)
        return f"; did you mean {' or '.join(near)}?" if near else ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings, then the options."""
        width = max(map(len, self.entries))
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in entries.items()])
        super().format_options(ctx, formatter)


def command(name: str, *examples: str, error_code: int = 1, returns: Returns = ()) -> Callable[[Callback], Command]:
    """Makes a function a command; its docstring is the help text, and each command shows at least one example.

    `returns` names the result, or each of several, where the function's annotation does not: inside of an Outcome.
    """
    return click.command(name, cls=Command, examples=examples, error_code=error_code, returns=returns)


def group(name: str, sections: Sections, *examples: str, **attributes: Any) -> Callable[[Callback], LazyGroup]:
    """Makes a function a group of commands that load when they are needed."""
    return click.group(name, cls=LazyGroup, sections=sections, examples=examples, **attributes)
