"""A table that somebody brings: its columns are guessed or chosen, and it becomes a data set."""

from pathlib import Path

import pytest

from engine.data.texts.dataset import open_texts
from engine.data.texts.own import keep_texts, look_at_table
from engine.errors import DataError

TWEETS = "id;When;Mood;What they wrote\n" + "".join(
    f'{number};2020-01-{number % 28 + 1:02};{"glad" if number % 2 else "sad"};"A long sentence, number {number}; really"\n'
    for number in range(40)
)


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    file = tmp_path / "My Tweets (2).csv"
    file.write_text(TWEETS, encoding="utf-8")
    return file


def test_the_longest_values_are_the_texts_and_the_fewest_different_ones_the_labels(tweets: Path) -> None:
    look = look_at_table(tweets)
    assert look.columns == ("id", "when", "mood", "what they wrote")
    assert (look.text, look.label) == ("what they wrote", "mood")
    assert look.rows[1] == ("1", "2020-01-02", "glad", "A long sentence, number 1; really")


def test_known_names_are_believed(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("sentiment,notes,review\n1,a very long note on this,ok\n0,another very long note,no\n")
    assert (look_at_table(file).text, look_at_table(file).label) == ("review", "sentiment")


def test_two_columns_become_a_data_set_once(tweets: Path, tmp_path: Path) -> None:
    folder = keep_texts(tweets, text="what they wrote", label="mood")
    assert folder.name.startswith("my-tweets-2-") and folder.is_relative_to(tmp_path / "home")
    data = open_texts(folder)
    assert data.classes == ("glad", "sad") and (len(data.train), len(data.valid)) == (36, 4)
    assert data.texts([1]) == ["A long sentence, number 1; really"]
    assert keep_texts(tweets, text="what they wrote", label="mood") == folder
    assert keep_texts(tweets, text="what they wrote", label="when") != folder


def test_a_column_that_says_what_validates_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    rows = "".join(f"w{number},{'ab'[number % 2]},{number < 6}\n" for number in range(20))
    file.write_text(f"words,kind,is_valid\n{rows}")
    data = open_texts(keep_texts(file, text="words", label="kind", name="Öwn näme"))
    assert sorted(data.texts(data.valid)) == [f"w{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv is empty"),
        ("text\na\n", "columns text and 1 rows"),
        ("a,a\n1,2\n", "two columns called"),
        ("a,b\n", "and 0 rows"),
        ("a,b\n1,2,3\n", "has 3 columns, where 2 are expected"),
        ("text,label\na,x\nb,x\n", "have 1 classes"),
    ],
)
def test_a_table_that_is_none_is_told_and_leaves_nothing_behind(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        keep_texts(file, text="text", label="label")
    assert not list((tmp_path / "home").rglob("texts.csv"))


def test_columns_that_are_not_there_are_told(tweets: Path) -> None:
    for text, label in (("text", "mood"), ("mood", "mood")):
        with pytest.raises(DataError, match=r"columns id, when, mood, what they wrote\. Choose one for the texts"):
            keep_texts(tweets, text=text, label=label)
    with pytest.raises(DataError, match="cannot be read"):
        look_at_table(tweets.with_name("gone.csv"))
