"""The documents: generated pages are up to date, links lead somewhere, and the glossary has the words of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from thrum_store.repository import paths

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("thrum_store", "thrum_mcp", "cli/thrum_cli")
GENERATED = [path for path in sorted(DOCS.glob("*.md")) if "[[[cog" in path.read_text(encoding="utf-8")]
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md")), *sorted((ROOT / "toolkit").rglob("*.md"))]

_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


# --- generated pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", GENERATED, ids=lambda path: path.stem)
def test_a_generated_page_is_what_it_would_be_written_as_now(page: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", str(page)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_pages_that_are_generated_are_these() -> None:
    assert [page.stem for page in GENERATED] == ["cli", "events", "json", "mcp", "promises", "rpc", "sql-views"]


# --- links ----------------------------------------------------------------------------------------------------------


def links(page: Path) -> set[Path]:
    """Return the files that a page links to, as absolute paths."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    targets = (match[1] for match in _LINK.finditer(text))
    return {(page.parent / target).resolve() for target in targets if "://" not in target}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path) -> None:
    assert [str(target) for target in sorted(links(page)) if not target.exists()] == []


def test_the_index_leads_to_every_page() -> None:
    """The index lists the pages, and the index of the decisions lists the decisions."""
    listed = links(DOCS / "README.md") | links(DOCS / "decisions" / "README.md")
    assert [str(page.relative_to(ROOT)) for page in sorted(set(DOCS.rglob("*.md")) - listed)] == ["docs/README.md"]


@pytest.mark.parametrize("name", ["AGENTS.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/reliability.md"])
def test_each_test_that_a_page_names_exists(name: str) -> None:
    named = re.findall(r"(?:tests/)?([\w/]*\btest_\w+\.py)", (ROOT / name).read_text(encoding="utf-8"))
    existing = [path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    assert [file for file in named if not any(path.endswith(file) for path in existing)] == []


def test_a_line_of_the_changelog_has_at_most_120_characters() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120] == []


# --- locks and files ------------------------------------------------------------------------------------------------


def test_each_name_in_var_is_explained() -> None:
    page = (DOCS / "locks-and-files.md").read_text(encoding="utf-8")
    names = {value for name, value in vars(paths).items() if name.isupper() and isinstance(value, str)}
    assert [name for name in sorted(names) if name not in page] == []


# --- decisions ------------------------------------------------------------------------------------------------------

DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda path: path.stem[:4])
def test_a_decision_has_the_one_form(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.stem[:4]}: .+\n\nDate: \d{{4}}-\d\d-\d\d\. Status: [a-z].+\n", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:3] == ["Context", "Decision", "Consequences"]


def test_the_index_of_the_decisions_has_their_titles() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    titles = {page: page.read_text(encoding="utf-8").splitlines()[0].partition(": ")[2] for page in DECISIONS}
    lines = {page.name: f"| [{page.name[:4]}]({page.name}) | {title} |" for page, title in titles.items()}
    assert [name for name, line in lines.items() if line not in index] == []


# --- glossary -------------------------------------------------------------------------------------------------------


def singular(word: str) -> str:
    """Return a word without its plural ending, well enough to compare two."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def glossary_entries() -> list[str]:
    """Return the words and phrases of the glossary's first column."""
    rows = re.findall(r"^\| ([^|]+) \|", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [entry.strip() for row in rows if row != "word" for entry in row.split(",")]


def words(text: str) -> set[str]:
    """Return the words of a name or a phrase, in the singular."""
    return {singular(word) for word in re.findall(r"[a-z]+", text.lower().replace("-", ""))}


def module_names() -> dict[str, str]:
    """Return the names of all modules and folders, by path. Commands are left out: users know them from cli.md."""
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    named = {path.relative_to(ROOT): path.parent.name if path.stem == "__init__" else path.stem for path in modules}
    return {
        path.as_posix(): name
        for path, name in named.items()
        if name not in PACKAGES
        and name != "__main__"
        and ("commands" not in path.parts[:-1] or "_shared" in path.parts)
    }


def test_each_word_of_a_modules_name_is_in_the_glossary() -> None:
    known = set[str]().union(*map(words, glossary_entries())) | {"thrum", "mcp", "cli"}
    missing = {path: words(name.replace("_", " ")) - known for path, name in module_names().items()}
    assert {path: lacking for path, lacking in missing.items() if lacking} == {}


def test_a_word_has_one_meaning() -> None:
    repeated = Counter(glossary_entries())
    assert [entry for entry, count in repeated.items() if count > 1] == []
