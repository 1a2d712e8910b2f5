"""The card as pages: HTML, Markdown and JSON of one record, and a page of each task's samples.

Every text is hostile until shown otherwise: in both template environments `finalize` makes it
visible and literal, so that a template cannot forget. No clock, no random, no network: the same
record gives the same bytes.
"""

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from syscard.assess.card import hidden, text
from syscard.assess.card.layout import SIDES, layout
from syscard.assess.standing import overall_standing, reads
from syscard.records import Card, Evaluation, SampleView

SHOWN = 20_000  # characters of one text on a samples page


def render_html(card: Card) -> str:
    """The card as one page that fetches nothing and runs nothing."""
    return _environment("html").get_template("card.html.j2").render(layout(card))


def render_markdown(card: Card) -> str:
    """The same content as Markdown; only the pictures are left out."""
    return _environment("md").get_template("card.md.j2").render(layout(card))


def render_json(card: Card) -> str:
    """The record itself, canonical ASCII: secrets hidden, nothing else changed."""
    bare = hidden.without_secrets(card.model_dump(mode="json"))
    return json.dumps(bare, sort_keys=True, indent=1, allow_nan=False) + "\n"


def render_samples(evaluation: Evaluation, views: Sequence[SampleView], card_href: str) -> str:
    """All samples of one task, by side and outcome, each under an address of its own."""
    outcomes = dict.fromkeys(("scored", *sorted({v.outcome for v in views})))
    sides = [
        (
            side,
            [(o, [v for v in views if (v.mitigation, v.outcome) == (side, o)]) for o in outcomes],
        )
        for side in SIDES
    ]
    template = _environment("html").get_template("samples.html.j2")
    return template.render(evaluation=evaluation, sides=sides, card_href=card_href, shown=SHOWN)


def render_page(template: str, **values: Any) -> str:
    """One of our HTML templates, filled, with all that keeps a hostile text a text."""
    return _environment("html").get_template(template).render(**values)


def render_screen(card: Card, page: str) -> str:
    """What a person reads at the end of a run: the scorecard, the gates, where the card lies."""
    width = max(len(category.title) for category in card.framework.categories) + 2
    rated = {(r.category, r.mitigation): r.reads for r in card.rating.categories}
    rated |= {
        (s.category, s.mitigation): f"{s.level}, {s.basis}"
        for s in card.standings
        if s.basis != "computed"
    }
    overall = {r.mitigation: r.reads for r in card.rating.overall}
    for side in SIDES:
        stands = overall_standing(card.standings, side, card.framework)
        if stands is not None:
            overall[side] = f"{reads(stands, card.framework)}, {stands.basis}"
    lines = [f"System card: {card.plan.about.name}", f"By the {card.framework.title}", ""]
    lines.append(f"{'':{width}}{'before mitigation':36}after mitigation")
    for category in card.framework.categories:
        before, after = (rated.get((category.name, side), "not rated") for side in SIDES)
        lines.append(f"{category.title:{width}}{before:36}{after}")
    before, after = (overall.get(side, "not rated") for side in SIDES)
    lines += [f"{'Overall':{width}}{before:36}{after}", ""]
    marks = {"met": "+", "unmet": "-", "unknown": "?"}
    for decision in card.decisions:
        lines.append(f"{decision.title}: {decision.answer}")
        lines += [f"  {marks[c.state]} {c.text}: {c.why}" for c in decision.conditions]
        lines.append("")
    lines += ["+ met   - not met   ? evidence missing or too thin", f"The card: {page}"]
    return "\n".join(text.visible(line) for line in lines) + "\n"


@functools.cache
def _environment(form: str) -> Environment:
    """Templates of one form; the filters are the same in all, what shows a text is not."""
    show: Callable[[str], str | Markup] = text.visible
    if form == "md":
        show = lambda found: Markup(text.literal(text.visible(found)))  # noqa: E731
    environment = Environment(
        loader=PackageLoader("syscard", "data/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: _shown_value(value, show),
    )
    environment.filters.update(
        anchor=text.anchor,
        href=text.href,
        number=text.number,
        outcomes=text.outcomes,
        p_value=text.p_value,
        pairs=hidden.pairs,
        percent=text.percent,
        points=text.points,
        point_span=text.point_span,
        side=text.side_title,
        span=text.span,
        url=hidden.url,
        visible=text.visible,
    )
    return environment


def _shown_value(value: Any, show: Callable[[str], str | Markup]) -> Any:
    """What a template prints for a value: never "None", never a text that hides something."""
    if value is None:
        return "no value"
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return text.number(value)
    return show(value) if isinstance(value, str) else value
