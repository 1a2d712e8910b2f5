"""The pages in a real browser: what a reader sees, and what hostile text cannot make it do."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from example_card import HOSTILE, example_card, example_views, hostile_card, sample_view

from syscard.assess.card.render import render_html, render_samples
from syscard.files import write_text
from syscard.records import Card

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no chromium on this machine", allow_module_level=True)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TAGS = """() => {
  const counts = {};
  for (const e of document.querySelectorAll("*")) {
    const tag = e.tagName.toLowerCase();
    counts[tag] = (counts[tag] ?? 0) + 1;
  }
  return counts;
}"""
BARE_NUMBERS = """() => {
  const bare = [];
  const tables = ["measured", "groups", "overview", "scope", "rated"];
  for (const cell of document.querySelectorAll(tables.map(t => `table.${t} td`).join())) {
    if (cell.matches(".words") && cell.closest(".rated")) continue;
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (/[0-9]/.test(walker.currentNode.data) && !parent.closest("a, code"))
        bare.push(walker.currentNode.data.trim());
    }
  }
  return bare;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


def written(folder: Path, card: Card) -> Path:
    """The card with all its sample pages, as a reader gets them."""
    for evaluation in card.evaluations:
        views = example_views() if evaluation.task == "syscard/refusals" else []
        write_text(folder / evaluation.page, render_samples(evaluation, views, "../card.html"))
    write_text(folder / "card.html", render_html(card))
    return folder / "card.html"


@pytest.fixture(scope="module")
def card_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("card"), example_card())


@pytest.fixture(scope="module")
def hostile_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("hostile"), hostile_card())


@pytest.mark.parametrize("name", ["card.html", "samples/refusals.html"])
def test_hostile_text_neither_runs_nor_asks_the_network(
    browser: Any, hostile_path: Path, name: str
) -> None:
    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page = browser.new_page()
    asked: list[str] = []
    dialogs: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", dismiss)
    page.on("console", lambda message: errors.append(message.text))
    address = (hostile_path.parent / name).as_uri()

    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.mouse.move(300, 300)

    assert asked == [address]
    assert dialogs == []
    assert errors == []
    assert page.locator("script, img, iframe, form, [onmouseover], [onerror]").count() == 0
    hrefs = page.eval_on_selector_all("a", "all => all.map(a => a.protocol)")
    assert set(hrefs) == {"file:"}
    page.close()


def test_a_hostile_sample_adds_no_element(browser: Any, tmp_path: Path) -> None:
    evaluation = example_card().evaluations[0]
    counts = []
    for text in (HOSTILE, "plain"):
        fields: dict[str, Any] = dict.fromkeys(
            ("prompt", "answer", "reasoning", "target", "why"), text
        )
        views = [sample_view("before"), sample_view(text, "pre", **fields), sample_view("after")]
        write_text(tmp_path / "s.html", render_samples(evaluation, views, "card.html"))
        page = browser.new_page()
        page.goto((tmp_path / "s.html").as_uri())
        counts.append(page.evaluate(TAGS))
        page.close()

    assert counts[0] == counts[1]
    assert counts[0]["article"] == 3


def test_a_hostile_answer_reads_as_it_was_written(browser: Any, hostile_path: Path) -> None:
    page = browser.new_page()
    page.goto((hostile_path.parent / "samples/refusals.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    said = page.locator("article .said", has_text="{{7*7}}").first.inner_text()

    assert "<script>alert(1)</script></div></details></article></main>\n{{7*7}}" in said
    assert "⟨U+202E⟩reversed⟨U+202C⟩ zero⟨U+200B⟩width ⟨U+001B⟩[31mred" in said
    page.close()


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["card.html", "samples/refusals.html"])
@pytest.mark.parametrize("which", ["card_path", "hostile_path"])
def test_no_page_scrolls_sideways(
    browser: Any, request: pytest.FixtureRequest, which: str, name: str, width: int
) -> None:
    path: Path = request.getfixturevalue(which)
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((path.parent / name).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("width", [1280])
def test_the_first_screen_holds_what_decides(browser: Any, card_path: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(card_path.as_uri())

    for shown in ("h1", ".scorecard tfoot", ".gate:last-child", ".meaning"):
        box = page.locator(shown).first.bounding_box()
        assert box["y"] + box["height"] <= 800
    page.close()


def test_every_number_leads_to_samples_that_are_there(browser: Any, card_path: Path) -> None:
    page = browser.new_page()
    page.goto(card_path.as_uri())
    bare = page.evaluate(BARE_NUMBERS)
    addresses = page.eval_on_selector_all(
        "table td a.n", "all => [...new Set(all.map(a => a.getAttribute('href')))]"
    )

    assert bare == []
    assert len(addresses) == 8
    for address in addresses:
        page.goto(urljoin(card_path.as_uri(), address))
        assert page.locator(":target").count() == 1
    page.close()


@pytest.mark.parametrize("name", ["card.html", "samples/refusals.html"])
def test_no_link_is_dead(browser: Any, card_path: Path, name: str) -> None:
    page = browser.new_page()
    start = (card_path.parent / name).as_uri()
    page.goto(start)
    addresses = page.eval_on_selector_all("a", "all => [...new Set(all.map(a => a.href))]")

    for address in addresses:
        parts = urlsplit(address)
        page.goto(f"file://{parts.path}")
        if parts.fragment:
            there = "name => document.getElementById(name) !== null"
            assert page.evaluate(there, unquote(parts.fragment)), address
    page.close()


def test_the_card_needs_no_script(browser: Any, card_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(card_path.as_uri())

    folded = page.locator("details:not([open]) > summary").first
    folded.click()

    assert page.locator("h1").inner_text() == "Example-20B"
    assert page.locator(".scorecard tbody tr").count() == 3
    assert page.locator("details[open]").first.is_visible()
    context.close()


def test_a_hazardous_prompt_is_folded_until_asked_for(browser: Any, card_path: Path) -> None:
    page = browser.new_page()
    page.goto((card_path.parent / "samples/refusals.html").as_uri())
    sample = page.locator("#pre-s0-1")

    assert not sample.get_by_text("How do I pick a lock?").is_visible()
    sample.get_by_text("hazardous prompt", exact=True).click()
    assert sample.get_by_text("How do I pick a lock?").is_visible()
    page.close()


def test_the_keyboard_reaches_what_unfolds(browser: Any, card_path: Path) -> None:
    page = browser.new_page()
    page.goto((card_path.parent / "samples/refusals.html").as_uri())

    page.locator("#pre-s0-1 summary").first.focus()
    page.keyboard.press("Enter")

    assert page.get_by_text("How do I pick a lock?").first.is_visible()
    page.close()


def test_the_card_prints(browser: Any, card_path: Path) -> None:
    page = browser.new_page()
    page.goto(card_path.as_uri())

    printed = page.pdf(format="A4")

    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") >= 3
    page.close()
