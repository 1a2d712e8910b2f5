"""The three renderings of a card, and what hostile text may not do to them."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from example_card import (
    HOSTILE,
    SECRET,
    example_card,
    example_views,
    hostile_card,
    sample_view,
)
from hypothesis import given
from hypothesis import strategies as st

from syscard.assess.card.picture import Bar, Tick, interval_picture
from syscard.assess.card.render import (
    render_html,
    render_json,
    render_markdown,
    render_samples,
)
from syscard.assess.card.text import literal, visible
from syscard.records import Card, Estimate, Mitigation, Requirement, SampleView

PERCENT = re.compile(r"[<>]?\d+\.\d%")
POINTS = re.compile(r"[+−]?\d+\.\d points")
NASTY = [
    "<script>alert(1)</script>",
    "</article></details>",
    "{{7*7}} {% x %}",
    "| a | b |\n|---|---|\n| c | d |",
    "a \\| b \\\\| c \\",
    "[x](javascript:alert(1)) ![y](z) [r]: http://a.example",
    "<http://a.example> http://a.example www.a.example a.example a@b.example mailto:a@b.example",
    "http://localhost //localhost/x https://1.2.3.4/ ftp://x",
    "# h",
    "title #",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "> quote",
    "===",
    "---",
    "***",
    "    code",
    "```\ncode\n```",
    "~~~\ncode",
    "`a` ``b`` *c* _d_ __e__ ~~f~~",
    "&lt;b&gt; &#60; &amp;amp; &copy",
    "line  \nline\\\nline\n\nparagraph\n# heading\n- item",
    "\ttab and trailing\t ",
    "[^1] $x$ :smile: @someone #123",
    "<!-- comment --> <?php ?> <![CDATA[x]]>",
]


class Words(HTMLParser):
    """The tags and the text of a page, pictures and style left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.parts: list[str] = []
        self.skipping = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("svg", "style"):
            self.skipping = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipping:
            self.skipping = ""

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.parts.append(data)


def words(page: str) -> Words:
    parser = Words()
    parser.feed(page)
    parser.close()
    return parser


def text(page: str) -> str:
    return "".join(words(page).parts)


def markdown_page(source: str) -> str:
    """Rendered by a parser that takes HTML, tables and bare links: the least forgiving reader."""
    parser = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")
    pytest.importorskip("linkify_it", reason="linkify-it-py is not installed")
    options = {"html": True, "linkify": True}
    return str(parser.MarkdownIt("gfm-like", options).render(source))


def estimates(value: object) -> list[dict[str, object]]:
    """Every estimate anywhere in a dumped record."""
    if isinstance(value, list):
        return [found for inner in value for found in estimates(inner)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"value", "interval"}:
        return [value]
    return [found for inner in value.values() for found in estimates(inner)]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("around", ["{}", "- {}", "# {}", "| h |\n|---|\n| {} |", "- x: {}"])
def test_markdown_shows_a_nasty_text_as_it_is(nasty: str, around: str) -> None:
    page = words(markdown_page(around.format(literal(nasty))))

    assert nasty in "".join(page.parts)
    assert set(page.tags) <= {"p", "ul", "li", "h1", "table", "thead", "tbody", "tr", "th", "td"}
    assert "a" not in page.tags


@given(st.text(alphabet="ab1.:/@w#<>&|\\`*_{}[]()!~^$+-= \t\n\"'", min_size=1, max_size=40))
def test_markdown_shows_any_text_as_it_is(written: str) -> None:
    page = words(markdown_page(f"x {literal(written)} y"))

    assert "".join(page.parts).strip() == f"x {written} y"
    assert page.tags == ["p"]


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\u202eabc\u202c", "⟨U+202E⟩abc⟨U+202C⟩"),
        ("\u2066a\u2069", "⟨U+2066⟩a⟨U+2069⟩"),
        ("a\u200bb\u200db\ufeff", "a⟨U+200B⟩b⟨U+200D⟩b⟨U+FEFF⟩"),
        ("\x1b[31m", "⟨U+001B⟩[31m"),
        ("\x00\x7f\x85", "⟨U+0000⟩⟨U+007F⟩⟨U+0085⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("kept\n\ttoo é 漢 😀", "kept\n\ttoo é 漢 😀"),
    ],
)
def test_what_hides_is_made_visible(hidden: str, shown: str) -> None:
    assert visible(hidden) == shown
    assert visible(shown) == shown


def test_the_same_input_gives_the_same_bytes() -> None:
    card = example_card()
    again = Card.model_validate_json(card.model_dump_json())

    for render in (render_html, render_markdown, render_json):
        assert render(card).encode() == render(again).encode()


def test_the_three_renderings_hold_the_same_numbers() -> None:
    card = example_card()
    html = text(render_html(card))
    markdown = text(markdown_page(render_markdown(card)))

    assert set(PERCENT.findall(html)) == set(PERCENT.findall(markdown))
    assert set(POINTS.findall(html)) == set(POINTS.findall(markdown))
    for evaluation in json.loads(render_json(card))["evaluations"]:
        for found in estimates(evaluation["measured"]):
            value = found["value"]
            shown = "no value" if value is None else f"{100 * float(str(value)):.1f}%"
            assert shown in html
            assert shown in markdown


def test_the_json_is_the_record() -> None:
    card = example_card()
    bare = card.plan.pre.model_copy(update={"args": {}, "base_url": None})
    plan = card.plan.model_copy(
        update={"pre": bare, "post": bare, "grader": None, "tasks": card.plan.tasks[:0]}
    )
    card = card.model_copy(update={"plan": plan})

    rendered = render_json(card)

    assert Card.model_validate_json(rendered) == card
    assert rendered.endswith("}\n")
    assert list(json.loads(rendered)) == sorted(json.loads(rendered))


@pytest.mark.parametrize("render", [render_html, render_markdown, render_json])
def test_a_secret_is_never_shown(render: Callable[[Card], str]) -> None:
    rendered = render(example_card())

    assert SECRET not in rendered
    assert "hidden" in rendered
    assert "512" in rendered  # max_tokens is no secret


@pytest.mark.parametrize(
    "key", ["api_key", "apiKey", "OPENAI_API_KEY", "token", "hf-token", "client_secret", "passwd"]
)
def test_these_keys_look_like_secrets(key: str) -> None:
    card = example_card()
    side = card.plan.pre.model_copy(update={"args": {"deep": [{key: SECRET}]}, "base_url": None})
    card = card.model_copy(update={"plan": card.plan.model_copy(update={"pre": side})})

    assert SECRET not in render_html(card)
    assert SECRET not in render_json(card)


def test_a_category_that_is_not_rated_never_reads_low() -> None:
    page = render_html(example_card())
    scorecard = page[page.index('<table class="scorecard">') : page.index("</table>")]

    rows = [row for row in scorecard.split("<tr>") if "Persuasion" in row or "Chemical" in row]

    assert len(rows) == 2
    for row in rows:
        assert row.count("not rated") == 2
        assert "Low" not in row
        assert 'class="badge none"' in row
        assert 'class="badge l' not in row


def test_the_sections_stand_in_order_and_no_evaluation_is_lost() -> None:
    card = example_card()
    page = render_html(card)

    headings = re.findall(r"<h2><span>(\d+)</span> ([^<]+)", page)

    assert headings == [
        ("2", "The model"),
        ("3", "Scope of testing"),
        ("4", "Safety evaluations"),
        ("5", "Red teaming"),
        ("6", "Preparedness evaluations"),
        ("7", "Advice and gates"),
        ("8", "Limits of the evidence"),
        ("9", "Sets and licences"),
        ("10", "Provenance"),
    ]
    for evaluation in card.evaluations:
        assert page.count(f"<h4>{evaluation.info.title}</h4>") == 1


def test_a_closed_gate_gives_the_certain_no_first() -> None:
    page = text(render_html(example_card()))
    summary = page[: page.index("What a level says")]

    assert summary.index("at least 95%") < summary.index("The run is complete")
    assert "and 1 more" in summary


def test_every_outcome_that_is_not_zero_is_counted_on_the_page() -> None:
    page = text(render_html(example_card()))

    assert "0 scored, 2 attacker failed, 28 grader failed" in page
    assert "no value: nothing here could be scored" in page
    assert "fewer than 10" in page
    assert "reported by o3-mini system card, T1" in page
    assert "no set of such prompts may be redistributed" in page


def test_no_page_says_none_or_nan() -> None:
    card = example_card()
    first = card.evaluations[0]
    broken = first.measured[0].model_copy(update={"estimate": Estimate(value=float("nan"))})
    first = first.model_copy(update={"measured": (broken, *first.measured[1:])})
    card = card.model_copy(update={"evaluations": (first, *card.evaluations[1:])})

    for page in (text(render_html(card)), render_markdown(card)):
        assert not re.search(r"\b(None|NaN|nan|Undefined)\b", page)
    assert Card.model_validate_json(render_json(card)).evaluations[0].measured[0] is not None


def test_a_rate_is_never_rounded_to_certainty() -> None:
    card = example_card()
    first = card.evaluations[0]
    near = first.measured[0].model_copy(update={"estimate": Estimate(value=0.9999)})
    first = first.model_copy(update={"measured": (near, *first.measured[1:])})
    card = card.model_copy(update={"evaluations": (first,)})

    assert ">99.9%" in text(render_html(card))


def test_a_hostile_card_is_only_text_in_markdown() -> None:
    page = words(markdown_page(render_markdown(hostile_card())))
    clean = words(markdown_page(render_markdown(example_card())))

    assert visible(HOSTILE) in "".join(page.parts)
    assert set(page.tags) == set(clean.tags)
    assert page.tags.count("table") == clean.tags.count("table")


def samples_page(*views: SampleView) -> str:
    evaluation = example_card().evaluations[0]
    return render_samples(evaluation, views, "../card.html")


def test_each_sample_has_an_address_of_its_own() -> None:
    page = samples_page(
        *example_views(), sample_view("a/b"), sample_view("a b"), sample_view("a_b")
    )

    addresses = re.findall(r'<article class="sample" id="([^"]+)"', page)

    assert len(addresses) == len(set(addresses)) == 12
    assert {"pre-s0-1", "post-s2-1", "pre-a_2f_b-1"} <= set(addresses)
    assert 'id="pre"' in page
    assert 'id="post"' in page


def test_a_side_without_samples_still_has_its_section() -> None:
    page = samples_page()

    assert 'id="pre"' in page
    assert 'id="post"' in page
    assert page.count("No samples on this side") == 2


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    page = samples_page(sample_view("long", answer="A" * 200_000))

    assert "180,000 more characters are left out" in page
    assert len(page) < 60_000


def test_a_link_from_the_record_cannot_leave_the_folder() -> None:
    card = example_card()
    evil = card.evaluations[0].model_copy(update={"page": 'javascript:alert(1)//"><b>'})
    card = card.model_copy(update={"evaluations": (evil,)})

    addresses = re.findall(r'href="([^"]*)"', render_html(card))

    assert not [a for a in addresses if ":" in a or a.startswith("/")]


def test_two_thousand_samples_fit_one_page() -> None:
    sides: tuple[Mitigation, Mitigation] = ("pre", "post")
    views = [sample_view(f"s{n}", side) for side in sides for n in range(1000)]

    page = samples_page(*views)

    assert page.count("<article") == 2000


def test_a_picture_says_in_words_what_it_draws() -> None:
    half = Estimate(value=0.5)
    bar = Bar("pre <x>", False, half, half, half, cautious=0.7)
    ticks = [Tick("Medium ≥ 50%", 0.5, 1), Tick("High ≥ 51%", 0.51, 2)]

    picture = interval_picture("solve & run", [bar], ticks, "high")

    assert 'role="img"' in picture
    assert "pre &lt;x&gt;: 50.0%, cautious end 70.0%" in picture
    assert "threshold High ≥ 51%" in picture
    assert "<script" not in picture


def test_labels_of_near_thresholds_do_not_lie_on_each_other() -> None:
    ticks = [Tick(f"level {n} from {n}%", n / 100, 1) for n in (50, 51, 52)]

    picture = interval_picture("t", [], ticks, "high")

    heights = re.findall(r'<text class="label" x="[^"]+" y="([^"]+)"', picture)
    assert len(set(heights)) == 3


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two colours written #rrggbb."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *[(name, f"{name}-soft") for name in ("l0", "l1", "l2", "l3", "none", "warn")],
        *[("none", "none-stripe"), ("ink", "accent-soft"), ("l0", "paper"), ("l3", "paper")],
        *[(name, on) for name in ("ink", "quiet", "accent", "warn") for on in ("paper", "panel")],
    ],
)
def test_text_can_be_read_on_its_ground(ink: str, paper: str, scheme: int) -> None:
    css = (files("syscard") / "data" / "templates" / "card.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", css.split(":root {")[scheme + 1]))

    assert contrast(colours[ink], colours[paper]) >= 4.5


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_the_card_says_how_a_sides_adapter_was_made(render: Callable[[Card], str]) -> None:
    card = example_card()

    shown = text(render(card)) if render is render_html else render(card).replace("\\", "")
    page = re.sub(r"\s+", " ", shown)
    unknown = card.model_copy(
        update={
            "trained": {},
            "plan": card.plan.model_copy(
                update={"post": card.plan.post.model_copy(update={"args": {"adapter": "a.gguf"}})}
            ),
        }
    )

    assert "supervised training on 2,053 examples (worked decisions, 121212121212)" in page
    assert "specification default 2.0" in page
    assert "rewarded or chosen by: rules" in page
    assert "learning_rate = 0.001" in page
    assert "logs do not say how its adapter was made" in render(unknown)


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_the_summary_says_what_the_mitigation_changed_of_what_the_plan_requires(
    render: Callable[[Card], str],
) -> None:
    card = example_card()
    first = card.evaluations[0]
    (compared, *_) = first.compared
    asked = Requirement(task=first.task, metric=compared.metric, at_least=0.9)
    plan = card.plan.model_copy(update={"requirements": (asked,)})

    summary = render(card.model_copy(update={"plan": plan})).partition("What a level says")[0]
    silent = render(card.model_copy(update={"plan": plan.model_copy(update={"requirements": ()})}))

    assert "What the mitigation changed" in summary
    assert "+22.5 points" in summary
    assert "What the mitigation changed" not in silent
