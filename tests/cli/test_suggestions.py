"""Lines that somebody types who knows the Go program, or another tool: each is done, or the line to type is named."""

from __future__ import annotations

import shlex

import click
import pytest

from thrum_cli.command import App
from thrum_cli.root import made, thrum
from thrum_store.errors import ThrumError

from .conftest import Team, gathered
from .shell import Shell
from .test_reader import recording

RECORDING = recording(thrum)

# What does as it is typed: also the Go program's own spellings, orders and abbreviations.
DONE = """
thrum help
thrum help send
thrum --version
thrum send -b text
thrum send --broadcast text
thrum send --to @builder text
thrum send text --to builder
thrum send text --to=@builder
thrum send text --to @builder --to @implementer
thrum --json send text
thrum send text --json --quiet
thrum inbox -a --limit 5
thrum inbox --page-size=5 --page=1
thrum sent --to @builder --unread
thrum wait --after=-30s --timeout 1s
thrum agent start
thrum agent set-intent text
thrum agent heartbeat --add-scope module:auth
thrum session list --agent @planner
thrum context load
thrum context show --json
thrum setup claude-md
thrum init --runtime auggie --dry-run
thrum init --runtime=claude --dry-run
thrum group create crew --description text
thrum group add crew builder
thrum group delete @crew
thrum ping builder
thrum ping @implementer
thrum who-has README.md
thrum daemon
thrum sync
thrum team --all
thrum config show --json
thrum runtime list --json
thrum quickstart --name planner --role lead --module core --no-init
thrum agent delete builder --force
"""

# A line, and what the error says to type; the line named there is one that can be read.
INSTEAD = """
thrum -v => thrum --version
thrum -V => thrum --version
thrum -q inbox => thrum --quiet inbox
thrum -j inbox => thrum --json inbox
thrum -json inbox => thrum --json inbox
thrum -C .. inbox => thrum --repo .. inbox
thrum --no-color inbox => NO_COLOR=1 thrum inbox
thrum --agent planner inbox => THRUM_NAME=planner thrum inbox
thrum --as planner send hello => THRUM_NAME=planner thrum send hello
thrum INBOX => thrum inbox
thrum ls => thrum agent list
thrum agents => thrum agent list
thrum groups => thrum group list
thrum sessions => thrum session list
thrum runtimes => thrum runtime list
thrum role list => thrum roles list
thrum msg get msg_1 => thrum message get msg_1
thrum messages --unread => thrum inbox --unread
thrum message list => thrum inbox
thrum message send text --to @builder => thrum send text --to @builder
thrum message show msg_1 => thrum message get msg_1
thrum message reply msg_1 text => thrum reply msg_1 text
thrum message rm msg_1 --force => thrum message delete msg_1 --force
thrum message mark-read --all => thrum message read --all
thrum read msg_1 => thrum message read msg_1
thrum mark-read --all => thrum message read --all
thrum edit msg_1 'new text' => thrum message edit msg_1 'new text'
thrum history => thrum inbox --all
thrum outbox => thrum sent
thrum unread => thrum inbox --unread
thrum mentions => thrum inbox --mentions
thrum broadcast 'stop now' => thrum send --everyone 'stop now'
thrum tell @builder 'stop now' => thrum send 'stop now' --to @builder
thrum dm @builder hello => thrum send hello --to @builder
thrum send @builder hello => thrum send hello --to @builder
thrum send hello there => thrum send 'hello there'
thrum send hello --to @builder @lead => thrum send hello --to @builder --to @lead
thrum send -m hello --to @builder => thrum send hello --to @builder
thrum send --message=hello => thrum send hello
thrum send --body hello -t @builder => thrum send hello -t @builder
thrum send hello -t @builder => thrum send hello --to @builder
thrum send hello --priority high --to @builder => thrum send hello --to @builder
thrum send hello --group crew => thrum send hello --to crew
thrum send --file notes.md --to @builder => thrum send --body-file notes.md --to @builder
thrum send hello --from builder => THRUM_NAME=builder thrum send hello
thrum send hello --reply-to msg_1 => thrum reply MSG_ID TEXT
thrum reply --to msg_1 hello => thrum reply msg_1 hello
thrum reply msg_1 hello there => thrum reply msg_1 'hello there'
thrum reply msg_1 hello --all => thrum reply msg_1 hello
thrum inbox -u => thrum inbox --unread
thrum inbox -n 5 => thrum inbox --limit 5
thrum inbox --page_size 5 => thrum inbox --page-size 5
thrum inbox --unread=true => thrum inbox --unread
thrum inbox --unread=false --all => thrum inbox --all
thrum inbox --output json => thrum inbox --json
thrum inbox list => thrum inbox
thrum inbox show msg_1 => thrum message get msg_1
thrum inbox msg_1 => thrum message get msg_1
thrum inbox --mark-read => thrum message read --all
thrum inbox --from @builder => thrum search WORDS --from NAME
thrum sent list --unread => thrum sent --unread
thrum wait 30 => thrum wait --timeout 30s
thrum wait -t 5m => thrum wait --timeout 5m
thrum wait --forever => thrum wait --timeout 8h
thrum purge 2d => thrum purge --before 2d
thrum purge --older-than 2d --force => thrum purge --before 2d --force
thrum purge --before 2d --yes => thrum purge --before 2d --confirm
thrum purge --all --dry-run => thrum purge --all
thrum register --role dev --module auth => thrum agent register --role dev --module auth
thrum agent create --name x --role y => thrum agent register --name x --role y
thrum agent register carol --role dev => thrum agent register --name carol --role dev
thrum agent ls --role dev => thrum agent list --role dev
thrum agent rm builder => thrum agent delete builder
thrum agent unregister builder => thrum agent delete builder
thrum agent show builder => thrum agent context builder
thrum agent set_intent text => thrum agent set-intent text
thrum agent set-intent fix the build => thrum agent set-intent 'fix the build'
thrum agent delete builder -f => thrum agent delete builder --yes
thrum toolkit install thrum-agent => thrum toolkit copy thrum-agent
thrum agent cleanup -f => thrum agent cleanup --force
thrum agent cleanup --threshold 30d => thrum agent cleanup --threshold 30
thrum set-task bd-42 => thrum agent set-task bd-42
thrum heartbeat --add-ref pr:42 => thrum agent heartbeat --add-ref pr:42
thrum session stop => thrum session end
thrum session start --agent builder => THRUM_NAME=builder thrum session start
thrum group new crew => thrum group create crew
thrum group show crew => thrum group info crew
thrum group rm crew => thrum group delete crew
thrum group delete crew --force => thrum group delete crew
thrum group create crew builder => thrum group create crew && thrum group add crew builder
thrum group add crew @a @b => thrum group add crew @a && thrum group add crew @b
thrum group add crew --agent builder => thrum group add crew builder
thrum group members add crew builder => thrum group add crew builder
thrum team --active => thrum team
thrum who has auth.go => thrum who-has auth.go
thrum who_has auth.go => thrum who-has auth.go
thrum who-has --file auth.go => thrum who-has auth.go
thrum who-has a.go b.go => thrum who-has a.go && thrum who-has b.go
thrum ping => thrum ping @reviewer
thrum whois builder => thrum ping builder
thrum context save notes.md => thrum context save --file notes.md
thrum context save 'left to do: tests' => echo 'left to do: tests' | thrum context save
thrum context save -f notes.md => thrum context save --file notes.md
thrum context show builder => thrum context show --agent builder
thrum context preamble init => thrum context preamble --init
thrum context update => thrum context save --file PATH
thrum sync now => thrum sync force
thrum sync --force => thrum sync force
thrum sync stop => thrum daemon stop
thrum start => thrum daemon start
thrum daemon start -d => thrum daemon start
thrum daemon start --port 9999 => THRUM_WS_PORT=9999 thrum daemon start
thrum daemon start --local=false => thrum daemon start --remote
thrum daemon start --foreground => thrum daemon run
thrum daemon log -n 5 => thrum daemon logs -n 5
thrum daemon logs -n 5 => thrum daemon logs --lines 5
thrum runtime set claude => thrum runtime set-default claude
thrum roles apply --agent builder => thrum roles deploy --agent builder
thrum roles deploy builder => thrum roles deploy --agent builder
thrum config list => thrum config show
thrum config local_only false => thrum config set local_only false
thrum init claude => thrum init --runtime claude
thrum init --name carol => thrum init --agent-name carol
thrum init --skills => thrum init --runtime NAME
thrum quickstart carol => thrum quickstart --name carol
thrum quickstart -n carol => thrum quickstart --name carol
thrum mcp-server => thrum mcp serve
thrum telegram status => thrum listen --follow
thrum ui => thrum overview
thrum login => thrum quickstart --name NAME --role ROLE --module MODULE
thrum completion bash --no-descriptions => thrum completion bash
thrum sent show => thrum sent show msg_01KAR…
thrum runtime show => thrum runtime show claude
"""
ROWS = [tuple(row.split(" => ")) for row in INSTEAD.strip().splitlines()]


@pytest.fixture(scope="module")
def typing(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Planner's shell, with a team; no line here changes what another needs."""
    return gathered(tmp_path_factory.mktemp("typing")).planner


@pytest.mark.parametrize(("line", "instead"), ROWS)
def test_a_line_that_cannot_be_read_names_the_line_to_type(typing: Shell, line: str, instead: str) -> None:
    answer = typing.thrum(*shlex.split(line)[1:])
    assert answer.code != 0, answer
    problem, hint = answer.err.splitlines()
    assert problem.startswith("Error: ")
    assert f"`{instead}`" in hint, answer


@pytest.mark.parametrize("instead", sorted({instead for _, instead in ROWS if "thrum" in instead}))
def test_a_line_that_is_named_can_be_read_or_names_another(typing: Shell, instead: str) -> None:
    for part in instead.split("&&"):
        words = shlex.split(part.rpartition("|")[2])
        arguments = words[words.index("thrum") + 1 :]
        if not readable(arguments):
            answer = typing.thrum(*arguments)
            assert "Try: `thrum" in answer.err and "--help" not in answer.err, answer


def readable(arguments: list[str]) -> bool:
    """Return whether click can read a line; the files that it names need not be there."""
    try:
        made(RECORDING).main(arguments, prog_name="thrum", standalone_mode=False, obj=App())
    except click.UsageError as error:
        return "No such file" in error.format_message()
    except ThrumError:  # `thrum sent` was read, and run
        return True
    return True


def test_lines_that_the_go_program_took_are_done(team: Team) -> None:
    (team.builder.cwd / "README.md").write_text("x\n")
    team.builder.ok("send", "Which port?", "--to", "@planner")
    answers = {line: team.planner.thrum(*shlex.split(line)[1:]) for line in DONE.strip().splitlines()}
    assert {line: answer for line, answer in answers.items() if answer.code} == {}


@pytest.mark.parametrize("line", ["thrum xyzzy", "thrum inbox --xyzzy", "thrum inbox xyzzy", "thrum group xyzzy crew"])
def test_a_word_of_nobody_leads_to_the_help(typing: Shell, line: str) -> None:
    answer = typing.thrum(*shlex.split(line)[1:])
    assert (answer.code, "--help`" in answer.err) == (1, True), answer


@pytest.mark.parametrize("text", ["x" * 5000, "a\nb", "\x1b[31mred"])
def test_a_text_that_is_no_line_is_not_repeated_in_a_suggestion(typing: Shell, text: str) -> None:
    answer = typing.thrum("message", "send", text)
    assert (answer.code, text in answer.err, "thrum message --help" in answer.err) == (1, False, True)


def test_the_suggestion_is_in_the_json_document(typing: Shell) -> None:
    answer = typing.thrum("register", "--role", "dev", "--json")
    assert answer.error["hint"] == "`thrum agent register --role dev --json`"


@pytest.mark.parametrize("name", ["all", "@all", "everybody", "@team", "broadcast"])
def test_another_name_for_all_agents_leads_to_everyone(typing: Shell, name: str) -> None:
    assert "did you mean @everyone?" in typing.thrum("send", "hello", "--to", name).err
