"""Graders: hold one against people's labels before anything rests on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syscard.cli.options import FILE, Command, date_of, force_option, json_option, number, talk

if TYPE_CHECKING:
    from syscard.agreements import GraderAgreement
    from syscard.validate.labelled import Columns


@click.command("validate-grader", cls=Command)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--grader", default="rules", show_default=True,
              help="rules, classifier, or an Inspect model.")  # fmt: skip
@click.option("--votes", type=click.IntRange(min=1), default=1, show_default=True,
              help="How often a model is asked for each answer.")  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most so many answers a file, drawn by digest."
)
@click.option("--rubric", help="What the labels are of: refusal, unsafe or injection.")
@click.option("--prompt-column", help="Of a table of your own.")
@click.option("--response-column")
@click.option("--label-column")
@click.option("--rater-column", multiple=True, help="One rater's own label; give two or more.")
@click.option("--labels", help="Each label in the rubric's words: yes=bad,no=good.")
@click.option("--language", default="en", show_default=True, help="Of the answers.")
@click.option("--family", multiple=True, help="Of the models that gave them, for the records.")
@click.option("--confidence", type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
              default=0.95, show_default=True, callback=number)  # fmt: skip
@click.option("--out", type=FILE, help="A folder: writes one record for each set and construct.")
@click.option("--date", help="Of the records.  [default: now]")
@force_option
@json_option
def validate_grader(files: tuple[Path, ...], **options: Any) -> None:
    """Hold a grader against people's labels in each FILE, and say how far they agree.

    Knows the published formats of XSTest's completions, PyRIT's refusals, QA-Eval, DICES,
    LLMBar and deepset's injections by their content; for others name the columns. Sensitivity
    is of what people call bad. A plan names the records of --out under 'validations'.

    Example: syscard validate-grader --grader classifier completions.csv
    """
    import anyio

    from syscard.assess.tabulate import tabulate
    from syscard.library import dump
    from syscard.validate.labelled import read_labelled
    from syscard.validate.validate import How, validate

    columns = _columns(options)
    sets = [read_labelled(path, columns, options["limit"]) for path in files]
    how = How(
        grader=options["grader"],
        votes=options["votes"],
        confidence=options["confidence"],
        language=options["language"],
    )
    if options["votes"] > 1 and options["grader"] in ("rules", "classifier"):
        raise click.UsageError(
            f"{options['grader']!r} gives the same verdict every time: no --votes"
        )
    found = anyio.run(validate, sets, how)
    written = 0
    if options["out"] is not None:
        written = _write(found, options)
    click.echo(dump(found) if options["as_json"] else tabulate(found), nl=not options["as_json"])
    if not any(one.rates.bad_n + one.rates.good_n for one in found.found):
        why = next((one.why_failed for one in found.found if one.why_failed), "nothing was judged")
        talk(f"No verdict on any answer. The commonest reason: {why}")
        click.get_current_context().exit(4)
    if options["out"] is not None and not written:
        click.get_current_context().exit(4)


def _columns(options: dict[str, Any]) -> "Columns | None":
    """How a table of the caller's own is read; None where its format is to be recognised."""
    from syscard.validate.labelled import Columns

    names = ("prompt_column", "response_column", "label_column", "labels", "rubric")
    given = [name for name in names if options[name] is not None]
    if not given and not options["rater_column"]:
        return None
    if (rubric := options["rubric"]) is not None:
        _check_rubric(rubric)
    if len(given) < len(names):
        missing = next(name for name in names if name not in given)
        raise click.UsageError(f"a table of your own needs --{missing.replace('_', '-')} as well")
    return Columns(
        prompt=options["prompt_column"],
        response=options["response_column"],
        label=options["label_column"],
        labels=_labels(options["labels"], options["rubric"]),
        rubric=options["rubric"],
        raters=options["rater_column"],
    )


def _check_rubric(rubric: str) -> None:
    from syscard.assess.constructs import OF_ONE_ANSWER

    if rubric not in OF_ONE_ANSWER:
        raise click.UsageError(f"--rubric is one of {', '.join(OF_ONE_ANSWER)}, not {rubric!r}")


def _labels(text: str, rubric: str) -> dict[str, str]:
    """The file's labels to the rubric's words, as somebody wrote it on the command line."""
    from syscard.assess.constructs import PLAIN, WORDS

    found = {}
    for part in text.split(","):
        label, sign, word = (piece.strip() for piece in part.rpartition("="))
        word = PLAIN[rubric].get(word, word)
        if not sign or word not in WORDS[rubric]:
            words = ", ".join(["bad", "good", *sorted(WORDS[rubric])])
            raise click.UsageError(f"--labels {part!r}: write LABEL=WORD, a word of: {words}")
        if label in found:
            raise click.UsageError(f"--labels gives {label!r} twice")
        found[label] = word
    return found


def _write(found: "GraderAgreement", options: dict[str, Any]) -> int:
    """So many records were written."""
    from syscard.files import check_free, write_text
    from syscard.validate.validate import Stated, as_yaml, file_of, record

    stated = Stated(date_of(options["date"])[:10], options["family"])
    records = [kept for one in found.found if (kept := record(one, stated)) is not None]
    paths = [options["out"] / file_of(one) for one in records]
    for path in paths:
        check_free(path, options["force"])
    for path, one in zip(paths, records, strict=True):
        write_text(path, as_yaml(one))
        talk(f"Wrote {path}")
    for each in found.found:
        if each.digest is not None and record(each, stated) is None:
            why = "; ".join(each.rates.undefined)
            talk(f"No record of {each.looks_for!r} on {each.set}: {why}.")
    return len(records)
