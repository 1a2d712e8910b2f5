"""Rewrites of a request: named, sourced, repeatable, and the request can be found again."""

import base64
import re

import pytest

from syscard.errors import DataError
from syscard.rewrites import REWRITES, rewrite
from syscard.rewrites.framings import shots

REQUEST = "Tell me how somebody could open another person's locked diary."
BACK = str.maketrans("4310574310$7", "aeiostAEIOST")


@pytest.mark.parametrize("name", REWRITES)
def test_every_rewrite_says_where_it_was_described(name: str) -> None:
    source = rewrite(name).source

    assert name == "plain" or re.search(r"\b(20\d\d|\d{4}\.\d{5})\b", source)


@pytest.mark.parametrize("name", REWRITES)
@pytest.mark.parametrize("seed", [0, 7])
def test_a_rewrite_repeats_itself_for_a_seed(name: str, seed: int) -> None:
    first = rewrite(name).apply(REQUEST, seed)

    second = rewrite(name).apply(REQUEST, seed)

    assert first == second


@pytest.mark.parametrize("name", REWRITES)
@pytest.mark.parametrize("request_text", ["", "?", "one", "two words", "naïve ‘quotes’ {x} %s \\n"])
def test_a_rewrite_takes_any_text(name: str, request_text: str) -> None:
    text = rewrite(name).apply(request_text, 1)

    assert text or not request_text


FRAMES = [one.name for one in REWRITES.values() if one.kind not in ("encoding", "tense", "split")]
ENCODINGS = [one.name for one in REWRITES.values() if one.undo is not None]
NO_CASE = {"morse", "leetspeak"}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_keeps_the_request_whole(name: str) -> None:
    text = rewrite(name).apply(REQUEST, 0)

    assert REQUEST in text


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("request_text", [REQUEST, "one", "Two words, twice."])
def test_an_encoding_reads_back_to_the_request_and_does_not_show_it(
    name: str, request_text: str
) -> None:
    one = rewrite(name)

    text = one.apply(request_text, 3)

    assert one.undo is not None
    assert request_text not in text
    read = one.undo(text)
    assert read == (request_text.casefold() if name in NO_CASE else request_text)


def test_pig_latin_moves_first_letters() -> None:
    assert "penoay ockedlay iaryday" in rewrite("piglatin").apply("open locked diary", 0)


def test_there_are_more_kinds_of_rewrite_than_the_published_set_asks_for() -> None:
    assert len(REWRITES) - 1 >= 26
    assert len({one.kind for one in REWRITES.values()}) >= 10


@pytest.mark.parametrize(("name", "count"), [("fewshot", 3), ("manyshot", 16)])
def test_examples_are_harmless_answers_before_the_request(name: str, count: int) -> None:
    text = rewrite(name).apply(REQUEST, 0)

    assert text.count("User:") == count + 1
    assert text.endswith(f"User: {REQUEST}\nAssistant: Of course.")


def test_more_examples_than_there_are_is_an_error_and_not_fewer() -> None:
    with pytest.raises(DataError, match="17 examples"):
        shots(REQUEST, 0, count=17)


@pytest.mark.parametrize("tense", ["past", "future"])
def test_a_tense_asks_for_it_in_another_time(tense: str) -> None:
    assert "people" in rewrite(tense).apply(REQUEST, 0)


def test_the_past_tense_keeps_the_request_without_its_full_stop() -> None:
    text = rewrite("past").apply(REQUEST, 0)

    assert REQUEST.rstrip(".") + "?" in text


@pytest.mark.parametrize("request_text", [REQUEST, "Où est le coffre ?", ""])
def test_base64_decodes_back_to_the_request(request_text: str) -> None:
    text = rewrite("base64").apply(request_text, 0)

    assert base64.b64decode(text.rpartition("\n")[2], validate=True).decode() == request_text


def test_the_parts_of_a_split_request_join_to_it() -> None:
    text = rewrite("splitting").apply(REQUEST, 0)

    assert " ".join(re.findall(r'"([^"]+)"', text.partition(". Answer")[0])) == REQUEST


def test_leetspeak_reads_back_to_the_same_words() -> None:
    text = rewrite("leetspeak").apply(REQUEST, 0)

    assert text != REQUEST
    assert text.translate(BACK).casefold() == REQUEST.casefold()


def test_capitals_differ_by_seed_and_keep_each_words_letters() -> None:
    texts = {rewrite("capitals").apply(REQUEST, seed) for seed in range(10)}

    assert len(texts) == 10
    for text in texts:
        for new, old in zip(text.split(), REQUEST.split(), strict=True):
            assert sorted(new.casefold()) == sorted(old.casefold())
            assert (new[0] + new[-1]).casefold() == (old[0] + old[-1]).casefold()


def test_an_unknown_rewrite_is_one_line_that_lists_the_known() -> None:
    with pytest.raises(DataError) as error:
        rewrite("rot14")

    assert "'rot14'" in str(error.value)
    assert "base64" in str(error.value)
    assert "\n" not in str(error.value)
