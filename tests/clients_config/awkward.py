"""Awkward files as people write them, made from a seed, with the value that each of them holds.

A maker writes text and value together, so that no parser is needed to know what a file says.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

_EOLS = ("\n", "\n", "\n", "\r\n")
_NAMES = (
    "mcpServers",
    "mcp",
    "hooks",
    "Stop",
    "permissions",
    "allow",
    "thrum",
    "other",
    "a b",
    "é",
    "//",
    "plugin",
    "",
)
_TEXTS = (
    "x",
    "http://x/*y*/",
    'say "hi" // no',
    "{ } [ ] , :",
    "a\\b",
    "漢字 🧵",
    "",
    "<!-- thrum:begin -->",
    "# thrum:end",
)


T = TypeVar("T")


@dataclass
class Awkward:
    """A text and the value that it holds."""

    text: str
    value: Any


class _Maker:
    """Draws from one seeded source."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.eol = self.pick(_EOLS)
        self.unit = self.pick(("  ", "    ", "\t", " ", ""))

    def pick(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent


class _Json(_Maker):
    """Makes JSON with comments in all places, trailing commas and members of the same name."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.comments = self.pick((0, 10, 40))
        self.trailing = self.pick((0, 30, 100))
        self.lines = self.chance(75)

    def file(self) -> Awkward:
        members = [(name, value) for name, value in self._ours() if self.chance(50)]
        root = self.object(0, members) if not self.chance(4) else Awkward("", {})
        head = self.gap(0) if self.chance(20) else ""
        tail = self.gap(0) if self.chance(40) else self.eol if self.chance(70) else ""
        return Awkward(head + root.text + tail, root.value)

    def _ours(self) -> list[tuple[str, Callable[[int], Awkward]]]:
        """Return members in which thrum's values have their place."""
        events = ("Stop", "SessionStart", "stop", "AfterAgent")
        return [
            ("mcpServers", self.servers), ("mcp", self.servers), ("amp.mcpServers", self.servers),
            ("hooks", lambda depth: self.object(depth, [(self.pick(events), self.array)] if self.chance(60) else [])),
            ("permissions", lambda depth: self.object(depth, [("allow", self.array)] if self.chance(60) else [])),
            ("plugin", self.array), ("version", lambda depth: self.scalar(depth)),
        ]  # fmt: skip

    def servers(self, depth: int) -> Awkward:
        return self.object(depth, [(self.pick(("other", "docs")), self.any)] if self.chance(50) else [])

    def any(self, depth: int) -> Awkward:
        kinds: list[Callable[[int], Awkward]] = [self.scalar, self.scalar, self.array, self.bare]
        return self.scalar(depth) if depth > 4 else self.pick(kinds)(depth)

    def bare(self, depth: int) -> Awkward:
        return self.object(depth, [])

    def scalar(self, depth: int) -> Awkward:
        del depth
        value = self.pick((*_TEXTS, 0, -1, 2.5, 10, True, False, None, 12345678901234567890))
        return Awkward(json.dumps(value, ensure_ascii=self.chance(30)), value)

    def array(self, depth: int) -> Awkward:
        items = [self.any(depth + 1) for _ in range(self.pick((0, 0, 1, 2, 3)))]
        return Awkward(self.listed("[", [item.text for item in items], "]", depth), [item.value for item in items])

    def object(self, depth: int, wanted: list[tuple[str, Callable[[int], Awkward]]]) -> Awkward:
        members = wanted + [(self.pick(_NAMES), self.any) for _ in range(self.pick((0, 0, 1, 2)))]
        self.random.shuffle(members)
        if members and self.chance(10):
            members.append(members[0])  # the same name twice: the last one holds
        texts: list[str] = []
        values: dict[str, Any] = {}
        for name, make in members:
            inner = make(depth + 1)
            colon = self.pick((": ", ":", " : ", f": {self.comment_inline()}"))
            texts.append(json.dumps(name, ensure_ascii=self.chance(30)) + colon + inner.text)
            values[name] = inner.value
        return Awkward(self.listed("{", texts, "}", depth), values)

    def listed(self, opening: str, texts: list[str], closing: str, depth: int) -> str:
        out = opening
        for place, text in enumerate(texts):
            out += self.gap(depth + 1) + text
            if place < len(texts) - 1 or self.chance(self.trailing):
                out += (self.gap(depth + 1) if self.chance(10) else "") + "," + self.remark()
        return out + self.remark() + self.gap(depth) + closing

    def gap(self, depth: int) -> str:
        """Return white space and comments between two tokens."""
        out = "" if self.chance(60) else self.pick(("", " ", "  ", "\t"))
        if self.lines and self.chance(90):
            out += self.eol + self.unit * depth
        while self.chance(self.comments):
            out += self.comment(depth)
        return out

    def remark(self) -> str:
        """Return a comment behind something, up to the end of its line."""
        if not self.chance(self.comments):
            return ""
        return f"{self.pick((' ', ''))}{self.comment(0)}"

    def comment(self, depth: int) -> str:
        body = self.pick((' "thrum": {}', " } ] ,", " x", "", ' "', " http://x", " thrum:begin"))
        lines = f"/*{body}{self.eol} second */" if self.lines else f"/*{body} */"
        return self.pick((f"//{body}{self.eol}{self.unit * depth}", f"/*{body}*/", lines))

    def comment_inline(self) -> str:
        return "/* , */ " if self.chance(self.comments) else ""


def awkward_json(seed: int) -> Awkward:
    """Return a JSON file with comments, and its value."""
    return _Json(seed).file()


class _Toml(_Maker):
    """Makes TOML with servers in all forms, comments in all places and texts that look like marks."""

    def file(self) -> Awkward:
        values: dict[str, Any] = {}
        lines: list[str] = []
        for name in self.random.sample(("model", "a", "b-c", '"q k"'), self.pick((0, 1, 2, 3))):
            self.line(lines, values, name)
        form = self.pick((self.none, self.none, self.table, self.tables, self.dotted, self.inline, self.quoted))
        tables: list[tuple[list[str], dict[str, Any]]] = [form(lines)]
        tables += [self.other(place) for place in range(self.pick((0, 0, 1, 2)))]
        self.random.shuffle(tables)
        for part, inner in tables:
            lines += part
            values |= inner
        if self.chance(20):
            lines.append(self.comment())
        return Awkward(self.eol.join(lines) + ("" if self.chance(25) or not lines else self.eol), values)

    def line(self, lines: list[str], values: dict[str, Any], name: str) -> None:
        text, value = self.value()
        lines.append(self.pick((f"{name} = {text}", f"{name}={text}", f"  {name}  =  {text}")) + self.remark())
        values[name.strip('"')] = value

    def value(self) -> tuple[str, Any]:
        marks = f"{self.eol}# thrum:begin{self.eol}[mcp_servers.thrum]{self.eol}# thrum:end{self.eol}"
        return self.pick((
            ('"x # y"', "x # y"), ("'C:\\x'", "C:\\x"), ("1_000", 1000), ("true", True), ("[1, 2]", [1, 2]),
            (f"[{self.eol}  1, # one{self.eol}  2,{self.eol}]", [1, 2]), ("{ k = 1 }", {"k": 1}), ('""', ""),
            (f'"""{self.eol}{marks}"""', marks.replace("\r\n", "\n")),
            (f"'''{marks}'''", marks.removeprefix(self.eol).replace("\r\n", "\n")),
            ('"\\""', '"'), ('"""a\\"""b"""', 'a"""b'),
        ))  # fmt: skip

    def remark(self) -> str:
        return self.pick(("", "", "", " # why", "\t#", ' # "open'))

    def comment(self) -> str:
        return self.pick(("# note", "#", "# [mcp_servers.thrum]", '#command = "thrum"', "# '''", "   # far"))

    def none(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        del lines
        return [], {}

    def table(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        del lines
        part = ["[mcp_servers]" + self.remark()] + ([self.comment()] if self.chance(50) else [])
        values: dict[str, Any] = {}
        if self.chance(60):
            part.append('other = { command = "y" }' + self.remark())
            values["other"] = {"command": "y"}
        return part, {"mcp_servers": values}

    def tables(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        del lines
        part = ["[mcp_servers.a]" + self.remark(), 'command = "x"', "[ mcp_servers . b ]", "  command='y'"]
        return part, {"mcp_servers": {"a": {"command": "x"}, "b": {"command": "y"}}}

    def dotted(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        lines.append('mcp_servers.other.command = "y"' + self.remark())
        return [], {"mcp_servers": {"other": {"command": "y"}}}

    def quoted(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        del lines
        return ["[\"mcp_servers\".'my server']", "args = []"], {"mcp_servers": {"my server": {"args": []}}}

    def inline(self, lines: list[str]) -> tuple[list[str], dict[str, Any]]:
        forms: list[tuple[str, dict[str, Any]]] = [
            ("{}", {}), ("{ }", {}), ('{ o = { c = "y" } }', {"o": {"c": "y"}}), ("{a.b=1}", {"a": {"b": 1}}),
            ('{"Zoë" = {}, p = []}', {"Zoë": {}, "p": []}), (f"{{ o = [{self.eol} 1, # }}{self.eol} ] }}", {"o": [1]}),
        ]  # fmt: skip
        text, value = self.pick(forms)
        lines.append(f"mcp_servers = {text}{self.remark()}")
        return [], {"mcp_servers": value}

    def other(self, place: int) -> tuple[list[str], dict[str, Any]]:
        values: dict[str, Any] = {}
        lines = [self.pick((f"[t{place}]", f"[[t{place}]]")) + self.remark()]
        many = lines[0].startswith("[[")
        if self.chance(30):
            lines.append(self.comment())
        self.line(lines, values, "k")
        return lines + [""] * self.pick((0, 1, 2)), {f"t{place}": [values] if many else values}


def awkward_toml(seed: int) -> Awkward:
    """Return a TOML file and its value."""
    return _Toml(seed).file()


class _Markdown(_Maker):
    """Makes Markdown with fences, marks in them, and sections of thrum's. The value is the text without those."""

    def file(self) -> Awkward:
        self.eol = self.pick((*_EOLS, "\r"))
        parts = [self.part() for _ in range(self.pick((0, 1, 2, 4)))]
        body = (self.eol * self.pick((1, 2))).join(parts)
        text = body + ("" if self.chance(25) or not parts else self.eol * self.pick((1, 1, 3)))
        if self.chance(8):
            text += f"{self.eol}```sh{self.eol}open fence{self.eol}"
        return Awkward(text, text)

    def part(self) -> str:
        begin, end = "<!-- thrum:begin -->", "<!-- thrum:end -->"
        fence = self.pick(("```", "~~~~", "````md", "  ```"))
        closing = fence.removesuffix("md")
        return self.pick((
            "# Mine", "text  ", f"The lines `{begin}` and `{end}` are marks.",
            f"    {begin}{self.eol}    x{self.eol}    {end}",
            f"{fence}{self.eol}{begin}{self.eol}example{self.eol}{end}{self.eol}{closing}",
            f"{fence}{self.eol}{begin}{self.eol}{closing}", f"> {begin}", end, "<!-- open", "\t`` ` ``", "漢字 🧵",
            f"{fence}{self.eol}code{self.eol}{closing}", "a\x0bb\x0cc\u2028d",
        ))  # fmt: skip


def awkward_markdown(seed: int) -> Awkward:
    """Return a Markdown file; its value is its text."""
    return _Markdown(seed).file()
