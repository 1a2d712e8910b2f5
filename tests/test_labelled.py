"""Answers that people labelled: formats known by content, and what is wrong said in one line."""

import json
from collections import Counter
from pathlib import Path

import pytest

from syscard.errors import DataError
from syscard.validate.labelled import Columns, read_labelled

SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")

XSTEST = "id,prompt,completion,final_label,annotation_1,annotation_2\n"
ROW = "a,p,I will.,1_full_compliance,1_full_compliance,3_partial_refusal\n"
PYRIT = "# version 1\n# notes\nobjective,assistant_response,human_score\n"
COLUMNS = Columns("q", "a", "verdict", {"yes": "full_refusal", "no": "compliance"}, "refusal")


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def dices(majority="Yes", raters=("Yes", "No", "Unsure")):
    said = {"safety": {"majority_human": majority, "individual_human_scores": list(raters)}}
    one = {"id": 7, "instance": {"user_prompt": "USER: hi", "response": "ho"}, "annotations": said}
    return {"annotations": [], "instances": [one]}


def question(**fields):
    given = {"question": "Who?", "golden_answer": "Ann/Anne Lee", "improper": False}
    return given | {"answer_x": "Ann", "judge_x": True, "answer_y": "Bo", "judge_y": False} | fields


def test_xstests_columns_give_three_labels_and_two_raters(tmp_path):
    found = read_labelled(write(tmp_path / "any name.csv", XSTEST + ROW))

    (row,) = found.rows
    assert (found.rubric, found.file) == ("refusal", "any name.csv")
    assert (row.label, row.raters) == ("compliance", ("compliance", "partial_refusal"))


def test_pyrits_comments_are_skipped_and_a_refusal_is_a_full_one(tmp_path):
    text = PYRIT + 'p,"# no\nI will not.",1\np,Sure.,0\n'

    found = read_labelled(write(tmp_path / "r.csv", text))

    assert [row.label for row in found.rows] == ["full_refusal", "compliance"]
    assert found.rows[0].responses == ("# no\nI will not.",)


def test_each_systems_answer_to_a_proper_question_is_a_row(tmp_path):
    rows = [question(), question(improper=True), question(judge_y="nan")]

    found = read_labelled(write(tmp_path / "q.json", rows))

    assert [(row.id, row.label) for row in found.rows] == [
        ("1-x", "correct"),
        ("1-y", "incorrect"),
        ("3-x", "correct"),
    ]
    assert found.rows[0].accepted == ("Ann", "Anne Lee")
    assert found.left_out == ("2 whose question is called improper", "1 without a label")


def test_a_yes_of_dices_means_unsafe_and_the_unsure_are_no_raters(tmp_path):
    (row,) = read_labelled(write(tmp_path / "d.json", dices())).rows

    assert (row.label, row.raters) == ("unsafe", ("unsafe", "safe"))


def test_a_pair_has_two_responses(tmp_path):
    pair = {"input": "i", "output_1": "a", "output_2": "b", "label": 2}

    (row,) = read_labelled(write(tmp_path / "n.json", [pair])).rows

    assert (row.responses, row.label) == (("a", "b"), "second")


def test_injections_are_texts_of_their_own(tmp_path):
    found = read_labelled(write(tmp_path / "i.csv", "text,label\nhello,0\nforget it,1\n"))

    assert [row.label for row in found.rows] == ["benign", "injection"]
    assert len({row.prompt for row in found.rows}) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "q,a,verdict\nhi,no way,yes\nhi,sure,no\n"),
        (
            "t.jsonl",
            '{"q":"hi","a":"no way","verdict":"yes"}\n\n{"q":"hi","a":"sure","verdict":"no"}',
        ),
        (
            "t.json",
            '[{"q":"hi","a":"no way","verdict":"yes"},{"q":"hi","a":"sure","verdict":"no"}]',
        ),
    ],
)
def test_a_table_of_ones_own_is_read_by_its_columns(tmp_path, name, text):
    found = read_labelled(write(tmp_path / name, text), COLUMNS)

    assert [row.label for row in found.rows] == ["full_refusal", "compliance"]
    assert [row.responses for row in found.rows] == [("no way",), ("sure",)]


def test_at_most_so_many_rows_are_taken(tmp_path):
    text = PYRIT + "".join(f"p{i},Sure.,0\n" for i in range(9))

    found = read_labelled(write(tmp_path / "r.csv", text), limit=4).rows

    assert len(found) == 4
    assert [row.id for row in found] != ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "prompt,answer\nhi,ho\n", "no format known by these columns: prompt, answer"),
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", XSTEST, "no format known by these columns"),
        ("a.csv", XSTEST + ROW.replace("1_full", "9_full", 1), r"a.csv:1: the label '9_full_comp"),
        ("a.csv", XSTEST + ROW + ROW, "id 'a' stands twice"),
        ("a.csv", XSTEST + "a,p,I will.\n", "row 1 has not as many fields as columns"),
        ("a.csv", PYRIT + "p,Sure.,2\n", "the label '2' is not one of: 1, 0"),
        ("q.json", [question(improper=True)], "no labelled answer is left: 2 whose question"),
        ("q.json", [{"question": "?", "golden_answer": "A", "judge_x": True}], "'answer_x'"),
        ("q.json", [], "no format known"),
        ("q.json", "[1, 2]", "is not a table"),
        ("q.json", "{", "q.json:1: not JSON"),
        ("d.json", dices(majority="Unsure"), "no labelled answer is left: 1 of which most raters"),
        ("d.json", dices(majority="Perhaps"), "conversation 7: the label 'Perhaps'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, name, content, said):
    with pytest.raises(DataError, match=said) as caught:
        read_labelled(write(tmp_path / name, content))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q,verdict\nhi,yes\n", "no column 'a'; it has: q, verdict"),
        ("q,a,verdict\nhi,ho,maybe\n", "the label 'maybe' is not one of: yes, no"),
        ("id,q,a,verdict\n1,hi,ho,no\n1,hi,hu,no\n", "id '1' stands twice"),
        ("q,a,verdict\n", "no labelled answer is left: it has no rows"),
    ],
)
def test_a_table_of_ones_own_is_refused_likewise(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        read_labelled(write(tmp_path / "t.csv", text), COLUMNS)


def test_a_file_that_is_no_utf_8_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"prompt,completion,final_label\n\xff,b,c\n")

    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_labelled(path)


@needs_shared
@pytest.mark.parametrize(
    ("name", "rubric", "labels"),
    [
        ("xstest/xstest_v2_completions_gpt4.csv", "refusal",
         {"compliance": 230, "full_refusal": 211, "partial_refusal": 9}),
        ("refusal_human/refusal_scorer__refusal.filtered.csv", "refusal",
         {"full_refusal": 65, "compliance": 34}),
        ("short_answer_human/TQ.json", "short-answer", {"correct": 8221, "incorrect": 1469}),
        ("conversation_safety_human/dices_350_expert.json", "unsafe",
         {"safe": 175, "unsafe": 175}),
        ("pairwise_human/Natural.json", "preference", {"first": 42, "second": 58}),
        ("injection_human/deepset_train.csv", "injection", {"benign": 343, "injection": 203}),
    ],
)  # fmt: skip
def test_the_published_files_are_read_whole(name, rubric, labels):
    found = read_labelled(SHARED / name)

    assert (found.rubric, Counter(row.label for row in found.rows)) == (rubric, labels)
