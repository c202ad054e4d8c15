"""What code, tests, templates and documents cite stands in the repository, number for number."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
READ = {".py", ".html", ".js", ".css", ".toml", ".txt", ".md", ".sh", ".yml", ".yaml"}

# docs/rules.md 2 · docs/features.md 9, 10 · docs/features.md 14-19 · docs/rules.md L5
DOCUMENT = re.compile(
    r"\bdocs/(?P<name>[\w/-]+\.md)(?:#(?P<anchor>[\w-]+))?"
    r"(?P<numbers> L?\d+(?:(?:, |-)L?\d+)*)?"
)
DECISION = re.compile(r"\bdocs/decisions/(\d+)")
STEP = re.compile(r"\bP([0-9])\.(\d+)(?!\d)")
# A document named by a word in capitals and a section of it, such as "SPEC 4.2" or "SPEC §3".
CAPITALS = re.compile(r"(?:\(|[,;:] )([A-Z]{4,})(?:\.md)? §? ?\d")
OTHERS = {"HTTP", "LIMIT", "PIPL", "SELECT", "WCAG"}  # published by others, or words of SQL
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def texts() -> dict[Path, str]:
    """Every text file of the repository that people write."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / line for line in listed.stdout.splitlines())
    return {
        path.relative_to(ROOT): path.read_text(encoding="utf-8")
        for path in paths
        if path.suffix in READ and path.is_file() and path != Path(__file__).resolve()
    }


@cache
def numbers_in(name: str) -> set[str]:
    """The numbers that a document gives to its headings and to the rows of its tables."""
    text = (DOCS / name).read_text(encoding="utf-8")
    return set(re.findall(r"^(?:#+|\|) (L?\d+)(?:\.| \|)", text, re.MULTILINE))


def cited(numbers: str) -> list[str]:
    """`9, 14-16` as the numbers that it means."""
    found = []
    for part in filter(None, numbers.split(",")):
        first, _dash, last = part.strip().partition("-")
        found += [str(n) for n in range(int(first), int(last) + 1)] if last else [first]
    return found


@cache
def steps() -> set[str]:
    """The ids of docs/requirements.md."""
    page = (DOCS / "requirements.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| (P\d\.\d+) ", page, re.MULTILINE))


@cache
def decisions() -> list[str]:
    """The numbers of the decisions."""
    return [path.name.partition("-")[0] for path in (DOCS / "decisions").glob("[0-9]*.md")]


@cache
def anchors_in(path: Path) -> set[str]:
    """The anchors of a Markdown page's headings, as they are made on the web."""
    text = path.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def stands(citation: re.Match[str]) -> bool:
    """Whether the document is there, and in it the heading or the numbers that are named."""
    path = DOCS / citation["name"]
    if not path.is_file():
        return False
    if citation["anchor"] and citation["anchor"] not in anchors_in(path):
        return False
    return set(cited(citation["numbers"] or "")) <= numbers_in(citation["name"])


def unresolved(text: str) -> list[str]:
    """What this text cites that nobody can look up."""
    wrong = [found[0] for found in DOCUMENT.finditer(text) if not stands(found)]
    wrong += [found[0] for found in DECISION.finditer(text) if found[1] not in decisions()]
    wrong += [found[0] for found in STEP.finditer(text) if found[0] not in steps()]
    wrong += [found[0] for found in CAPITALS.finditer(text) if found[1] not in OTHERS]
    return wrong


def test_what_is_cited_is_there():
    assert {str(path): wrong for path, text in texts().items() if (wrong := unresolved(text))} == {}


@pytest.mark.parametrize(
    "citation",
    [
        "docs/nowhere.md",
        "docs/rules.md 99",
        "docs/rules.md 1, 99",
        "docs/rules.md L99",
        "docs/features.md 7-99",
        "docs/pricing.md#no-such-heading",
        "docs/decisions/9999",
        "P" + "9.1",
        "HANDBOOK" + " 4.2",
        "HANDBOOK" + " §3",
    ],
)
def test_a_citation_that_leads_nowhere_is_found(citation):
    assert unresolved(f'"""What it promises ({citation})."""')


@pytest.mark.parametrize(
    "citation",
    [
        "docs/rules.md 2",
        "docs/rules.md 8, 9",
        "docs/rules.md L5",
        "docs/features.md 14-16",
        "P1.4",
        "docs/decisions/0031",
    ],
)
def test_a_citation_that_leads_somewhere_is_not(citation):
    assert unresolved(f'"""What it promises ({citation})."""') == []


def test_links_between_documents_lead_somewhere():
    broken = []
    for path, text in texts().items():
        if path.suffix != ".md":
            continue
        for found in LINK.finditer(text):
            page = (ROOT / path).parent / found[1] if found[1] else ROOT / path
            there = page.exists() and (not found[2] or found[2] in anchors_in(page))
            broken += [] if there else [f"{path}: {found[0]}"]
    assert broken == []


def test_a_decision_has_a_number_of_its_own_and_says_it():
    assert len(decisions()) == len(set(decisions()))
    for path in (DOCS / "decisions").glob("[0-9]*.md"):
        number = int(path.name.partition("-")[0])
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. ")
