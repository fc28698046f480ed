"""The documents: pages made from the code are up to date, links lead somewhere."""

from __future__ import annotations

import pathlib
import re
import runpy

import pytest

REPO = pathlib.Path(__file__).resolve().parent.parent
PAGES = runpy.run_path(str(REPO / "docs/generate.py"))["PAGES"]
DOCUMENTS = sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("packaging/*/*.md")])

_LINK = re.compile(r"(?<!!)\[[^]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_made_from_the_code_is_up_to_date(name):
    stored = (REPO / "docs" / name).read_text(encoding="utf-8")

    assert stored == PAGES[name](), "run `make docs`"


def _anchors(path):
    text = _CODE.sub("", path.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def _dead(path):
    text = _CODE.sub("", path.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        place, _, anchor = target.partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        other = (path.parent / place).resolve() if place else path
        if not other.exists() or (anchor and anchor not in _anchors(other)):
            yield target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_the_links_of_a_document_lead_somewhere(path):
    assert list(_dead(path)) == []


def test_every_scenario_of_the_lab_is_in_its_page():
    page = (REPO / "docs/lab.md").read_text(encoding="utf-8")
    files = [path.name for path in REPO.glob("tests/lab/test_*.py")]
    assert len(files) > 8
    assert [name for name in files if f"`{name}`" not in page] == []


def test_what_the_lab_needs_is_in_its_page():
    page = (REPO / "docs/lab.md").read_text(encoding="utf-8")
    needs = (REPO / "tests/lab/install-needs").read_text(encoding="utf-8").split("'")[1]
    programs = [line.split("|")[0] for line in needs.split()]
    assert len(programs) > 8
    assert [name for name in programs if name not in page] == []


def test_the_search_finds_dead_links(tmp_path):
    (tmp_path / "there.md").write_text("# A head, with `code`\n")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#a-head-with-code) [b](gone.md) [c](there.md#no) [d](https://x.y)")

    assert list(_dead(page)) == ["gone.md", "there.md#no"]
