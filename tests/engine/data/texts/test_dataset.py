"""Texts in every layout that people have, as one table; and what is said of those that are none of these."""

import csv
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import datasets
import pytest

from engine.data.dataset import check_can_train
from engine.data.reading.tables import open_table
from engine.data.sources.fetching import fetch, read_record
from engine.data.sources.mirror import MIRROR_VARIABLE
from engine.data.texts import dataset as texts
from engine.data.texts import files as text_files
from engine.data.texts import tables as text_tables
from engine.data.texts.dataset import TextData, clean_text, open_texts
from engine.data.texts.words import tokenize
from engine.errors import DataError
from engine.host.home import cache_folder
from engine.recipe import Stage

REVIEWS = [("neg" if number % 3 else "pos", f"This is review {number}.") for number in range(20)]


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows((header, *rows))
    return path.parent


def write_files(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def save(root: Path, label: object = None, **splits: dict[str, list]) -> Path:
    """A `DatasetDict` with a label of classes good and bad, in this order."""
    label = label or datasets.ClassLabel(names=["good", "bad"])
    tables = datasets.DatasetDict()
    for split, columns in splits.items():
        features = datasets.Features({name: datasets.Value("string") for name in columns} | {"label": label})
        tables[split] = datasets.Dataset.from_dict(columns, features=features)
    tables.save_to_disk(str(root))
    return root


def answers(data: TextData, rows: Sequence[int]) -> list[tuple[str, str, str]]:
    """(name, class, text) of some rows."""
    return [(data.name(row), data.label(row), text) for row, text in zip(rows, data.texts(rows), strict=True)]


def refused(root: Path, message: str, **said: str) -> None:
    with pytest.raises(DataError, match=message):
        open_texts(root, **said)
    assert not cache_folder().exists() or list(cache_folder().iterdir()) == []


def test_a_csv_says_what_validates_and_what_nobody_has_labelled(tmp_path):
    rows = [
        ("pos", 'A "fine" film,\nin two lines.', "False"),
        ("neg", "Dull.", "True"),
        ("", "Who knows?", "False"),
        ("neg", "Awful.", ""),
        (" pos ", "Größe ✓", "1"),
    ]
    data = open_texts(write_csv(tmp_path / "set/texts.csv", ("label", "text", "is_valid"), rows))
    assert data.classes == ("neg", "pos")
    assert answers(data, data.train) == [
        ("texts.csv#1", "pos", 'A "fine" film,\nin two lines.'),
        ("texts.csv#4", "neg", "Awful."),
    ]
    assert answers(data, data.valid) == [("texts.csv#2", "neg", "Dull."), ("texts.csv#5", "pos", "Größe ✓")]
    assert answers(data, data.unlabelled) == [("texts.csv#3", "", "Who knows?")]
    assert data.labels((*data.train, *data.unlabelled)) == [1, 0, -1]
    assert data.test == ()
    assert data.title == "the rows where is_valid is True"
    assert (data.root, data.channels, data.table.column_names) == (tmp_path / "set", 1, ["text", "label", "name"])


def test_without_marks_a_random_tenth_validates(tmp_path):
    root = write_csv(tmp_path / "reviews.csv", ("sentiment", "review"), [*REVIEWS, ("", "Unsaid.")])
    data, other = open_texts(root), open_texts(root, split_seed=1)
    held_out = sorted(random.Random(42).sample(range(20), 2))
    assert sorted(data.valid) == held_out
    assert sorted(data.train) == [row for row in range(20) if row not in held_out]
    assert data.train == open_texts(root).train != tuple(sorted(data.train))  # mixed, and always in the same way
    assert data.unlabelled == other.unlabelled == (20,)
    assert sorted(other.valid) == sorted(random.Random(1).sample(range(20), 2)) != held_out
    assert (data.title, other.title) == ("a random 10%, seed 42", "a random 10%, seed 1")
    assert data.fingerprint == other.fingerprint
    assert data.texts(range(21)) == [*(text for _, text in REVIEWS), "Unsaid."]


@pytest.mark.parametrize(
    ("header", "delimiter", "start"),
    [
        (("Label", "TEXT"), ",", b""),
        (("class", " Sentence "), ";", b"\xef\xbb\xbf"),
        (("category", "content"), "\t", b""),
    ],
)
def test_columns_may_be_called_otherwise(tmp_path, header, delimiter, start):
    root = write_csv(tmp_path / "any.csv", header, REVIEWS, delimiter)
    (root / "any.csv").write_bytes(start + (root / "any.csv").read_bytes())
    assert open_texts(root).texts(range(20)) == [text for _, text in REVIEWS]


def test_a_test_table_may_stand_beside_with_labels_or_without(tmp_path):
    root = write_csv(tmp_path / "train.csv", ("label", "text"), REVIEWS)
    write_csv(tmp_path / "test.csv", ("label", "text", "is_valid"), [("pos", "Tested.", "True")])
    data = open_texts(root)
    assert answers(data, data.test) == [("test.csv#1", "pos", "Tested.")]
    write_csv(tmp_path / "test.csv", ("text",), [("To be judged.",)])
    data = open_texts(root)
    assert answers(data, data.unlabelled_test) == [("test.csv#1", "", "To be judged.")]
    assert (data.test, data.unlabelled, len(data.train), len(data.valid)) == ((), (), 18, 2)


@pytest.mark.parametrize("name", ["valid", "val", "dev", "validation"])
def test_a_validation_table_or_folder_may_stand_beside(tmp_path, name):
    root = write_csv(tmp_path / "tables" / "train.csv", ("label", "text"), REVIEWS)
    write_csv(tmp_path / "tables" / f"{name}.csv", ("label", "text"), [("pos", "Held out.")])
    data = open_texts(root)
    assert answers(data, data.valid) == [(f"{name}.csv#1", "pos", "Held out.")]
    assert (data.title, len(data.train)) == (f"{name}.csv", 20)
    files = {f"train/{label}/{number}.txt": f"{label} {number}" for label in ("a", "b") for number in range(3)}
    data = open_texts(write_files(tmp_path / "folders", files | {f"{name}/b/0.txt": "held out"}))
    assert answers(data, data.valid) == [(f"{name}/b/0.txt", "b", "held out")] and len(data.train) == 6


def test_a_table_may_be_given_itself(tmp_path):
    root = write_csv(tmp_path / "mine.csv", ("label", "text"), REVIEWS)
    write_csv(tmp_path / "train.csv", ("label", "text"), [("a", "b")])
    data = open_texts(root / "mine.csv")
    assert (len(data.train), len(data.valid), data.name(0)) == (18, 2, "mine.csv#1")
    with pytest.raises(DataError, match="Give a CSV file, or the folder that holds the texts"):
        open_texts(root / "gone.csv")


def test_what_is_not_utf8_is_read_as_somebody_says_and_never_guessed(tmp_path):
    rows = [("gut", "Schöner Film"), ("böse", "Gräßlich")] * 10
    root = write_csv(tmp_path / "texts.csv", ("label", "text"), rows)
    whole = (root / "texts.csv").read_bytes()
    (root / "texts.csv").write_bytes(whole.decode().encode("cp1252"))
    refused(root, "not UTF-8.* cp1252 gives “gut,Schöner Film”; .*cp1251 gives “gut,Schцner Film”")
    data = open_texts(root, encoding="cp1252")
    assert (data.classes, data.texts([0, 1])) == (("böse", "gut"), ["Schöner Film", "Gräßlich"])
    with pytest.raises(DataError, match="There is no encoding 'windows'"):
        open_texts(root, encoding="windows")
    (root / "texts.csv").write_bytes(whole.replace("Gräßlich".encode(), b"Gr\xe4", 1))
    with pytest.raises(DataError, match="not UTF-8"):
        open_texts(root)
    (root / "texts.csv").write_bytes(whole)
    assert open_texts(root, encoding="cp1252").texts([1]) == ["Gräßlich"]
    (root / "texts.csv").write_bytes(whole.decode().encode("utf-16"))
    assert open_texts(root).texts([0, 1]) == ["Schöner Film", "Gräßlich"]


def test_folders_are_classes(tmp_path):
    files = {f"pos/{number:02}.txt": f"good {number}" for number in range(12)}
    files |= {f"neg/{number:02}.txt": f"bad {number}" for number in range(8)}
    files |= {"unsup/0.txt": "unsaid", "neg/notes.md": "no text", "neg/.hidden.txt": "no text", "README.txt": "no text"}
    data = open_texts(write_files(tmp_path, files))
    assert data.classes == ("neg", "pos")
    rows = sorted((*data.train, *data.valid))
    assert [data.label(row) for row in rows] == ["neg"] * 8 + ["pos"] * 12
    assert answers(data, rows[:2]) == [("neg/00.txt", "neg", "bad 0"), ("neg/01.txt", "neg", "bad 1")]
    assert answers(data, data.unlabelled) == [("unsup/0.txt", "", "unsaid")]
    assert len(data.valid) == 2


def test_folders_may_be_splits_first(tmp_path):
    files = {f"train/{label}/{number}.txt": f"{label} {number}" for label in ("a", "b", "c") for number in range(4)}
    files |= {"test/b/0.txt": "tested", "unsup/0.txt": "unsaid 0", "train/unsup/1.txt": "unsaid 1"}
    data = open_texts(write_files(tmp_path / "one", files))
    assert data.classes == ("a", "b", "c")
    assert (len(data.train), len(data.valid)) == (11, 1)
    assert answers(data, data.test) == [("test/b/0.txt", "b", "tested")]
    assert data.texts(data.unlabelled) == ["unsaid 1", "unsaid 0"]
    data = open_texts(write_files(tmp_path / "two", files | {"valid/c/0.txt": "validated"}))
    assert answers(data, data.valid) == [("valid/c/0.txt", "c", "validated")]
    assert data.title == "those in a folder of their own"


def test_what_is_no_plain_text_is_made_one(tmp_path):
    files: dict[str, str | bytes] = {f"{label}/{number}.txt": "x" for label in ("a", "b") for number in range(5)}
    files |= {"a/0.txt": "\ufeffone\r\ntwo\rthree\n".encode(), "a/1.txt": b"caf\xc3\xa9\x00\x1b\x7f\tend\x0c"}
    data = open_texts(write_files(tmp_path, files))
    assert data.texts([0, 1]) == ["one\ntwo\nthree\n", "café\x7f\tend"]
    assert clean_text("".join(map(chr, range(32)))) == "\t\n\n"


def test_a_saved_dataset_keeps_its_class_order(tmp_path):
    root = save(
        tmp_path / "saved",
        unsupervised={"text": ["u"], "label": [-1]},
        train={"text": [f"t{number}" for number in range(10)], "label": [0, 1] * 5},
        test={"text": ["x", "y"], "label": [1, -1]},
        other={"text": ["left out"], "label": [0]},
    )
    data = open_texts(root)
    assert data.classes == ("good", "bad")
    assert len(data.table) == 13
    assert answers(data, data.test) == [("test#1", "bad", "x")]
    assert answers(data, data.unlabelled) == [("unsupervised#1", "", "u")]
    assert answers(data, data.unlabelled_test) == [("test#2", "", "y")]
    assert sorted(data.texts((*data.train, *data.valid))) == [f"t{number}" for number in range(10)]
    assert len(data.valid) == 1
    assert not cache_folder().exists()


def test_a_saved_dataset_may_say_what_validates_and_be_in_any_format(tmp_path):
    columns = {"text": ["a\x00b", "c"], "label": [0, 1], "extra": ["e", "f"], "name": ["first", "second"]}
    save(tmp_path / "saved", train=columns, validation=columns)
    tables = datasets.DatasetDict.load_from_disk(str(tmp_path / "saved")).with_format("numpy")
    tables.save_to_disk(str(tmp_path / "numpy"))
    data = open_texts(tmp_path / "numpy")
    assert (data.train, data.valid, data.title) == ((0, 1), (2, 3), "its split validation")
    assert answers(data, data.valid) == [("first", "good", "ab"), ("second", "bad", "c")]
    assert type(data.labels([0])[0]) is int
    assert data.table.column_names == ["text", "label", "name"]


def test_the_copy_is_made_once_and_lies_on_the_disk(tmp_path, monkeypatch):
    root = write_csv(tmp_path / "set/texts.csv", ("label", "text"), REVIEWS)
    first = open_texts(root)
    with monkeypatch.context() as patch:
        patch.setattr(texts, "write_tables", None)  # not needed any more
        second = open_texts(root)
    assert first.fingerprint == second.fingerprint
    assert [folder.name for folder in cache_folder().iterdir()] == [f"set-texts-{first.fingerprint}"]
    assert {Path(file["filename"]).parents[2] for file in second.table.cache_files} == {cache_folder()}
    assert not list(cache_folder().rglob("unfinished"))
    os.utime(root / "texts.csv", ns=(1, 1))
    third = open_texts(root)
    assert third.fingerprint != first.fingerprint
    assert len(list(cache_folder().iterdir())) == 2


def test_a_copy_that_somebody_else_made_meanwhile_will_do(tmp_path, monkeypatch):
    root = write_csv(tmp_path / "set/texts.csv", ("label", "text"), REVIEWS)
    write = texts.write_tables

    def slow(folder, classes, rows):
        with monkeypatch.context() as patch:
            patch.setattr(texts, "write_tables", write)
            open_texts(root)
        return write(folder, classes, rows)

    monkeypatch.setattr(texts, "write_tables", slow)
    data = open_texts(root)
    assert data.texts([0]) == ["This is review 0."]
    assert [folder.name for folder in cache_folder().iterdir()] == [f"set-texts-{data.fingerprint}"]


def test_the_fingerprint_of_a_saved_dataset_is_its_files(tmp_path):
    columns = {"text": [f"t{number}" for number in range(10)], "label": [0, 1] * 5}
    root = save(tmp_path / "one", train=columns)
    data = open_texts(root)
    root.rename(tmp_path / "two")
    moved = open_texts(tmp_path / "two")
    assert moved.fingerprint == data.fingerprint
    (file,) = (tmp_path / "two").rglob("*.arrow")
    os.utime(file, ns=(1, 1))
    assert open_texts(tmp_path / "two").fingerprint != data.fingerprint


def test_another_process_gets_the_path_and_not_the_texts(tmp_path):
    rows = [(label, text * 200) for label, text in REVIEWS]
    data = open_texts(write_csv(tmp_path / "texts.csv", ("label", "text"), rows))
    sent = pickle.dumps(data)
    assert len(sent) < 10_000 < sum(len(text) for _, text in rows)
    again = pickle.loads(sent)
    assert (again.texts(range(20)), again.train) == (data.texts(range(20)), data.train)


def test_many_small_writes_keep_the_order(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "_WAITING", 300)
    rows = [(label, text, number % 2) for number, (label, text) in enumerate(REVIEWS)]
    data = open_texts(write_csv(tmp_path / "texts.csv", ("label", "text", "is_valid"), rows))
    assert data.texts(sorted(data.train)) == [text for _, text, is_valid in rows if not is_valid]
    assert data.texts(sorted(data.valid)) == [text for _, text, is_valid in rows if is_valid]


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (("label", "words"), [], r"columns label, words. It needs one called text, review, sentence or content"),
        (("mark", "text"), [], r"columns mark, text. .* one called label, labels, sentiment or class"),
        ((), [], r"texts.csv is empty"),
        (("label", "text"), [], r"0 classes \(none\). They need 2 to 253"),
        (("label", "text"), [("pos", "a"), ("pos", "b")], r"1 classes \(pos\)"),
        (("label", "text"), [(str(number), "a") for number in range(254)], r"254 classes \(0, 1, 10, 100, 101\)"),
        (
            ("label", "text"),
            [("pos", "a"), ("neg", "b", "c")],
            r"from line 3 on: it has 3 columns, where 2 are expected",
        ),
        (
            ("label", "text", "is_valid"),
            [("pos", "a", "perhaps")],
            r"line 2, column is_valid, has 'perhaps', which is neither yes nor no",
        ),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, header, rows, message):
    root = write_csv(tmp_path / "texts.csv", header, rows)
    with pytest.raises(DataError, match=message):
        open_texts(root)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            ("label", "text"),
            [("pos", "a"), ("neg", "b")],
            r"2 inputs to train and 0 to validate \(a random 10%, seed 42\)",
        ),
        (
            ("label", "text", "is_valid"),
            [("pos", "a", 1), ("neg", "b", 1)],
            r"0 inputs to train and 2 to validate \(the rows where is_valid",
        ),
    ],
)
def test_a_table_with_one_side_can_be_judged_and_not_trained(tmp_path, header, rows, message):
    data = open_texts(write_csv(tmp_path / "texts.csv", header, rows))
    assert len(data.items("all")) == 2
    with pytest.raises(DataError, match=message):
        check_can_train(data)


def test_a_failed_copy_leaves_nothing(tmp_path, monkeypatch):
    rows = [*REVIEWS, ("neg", "ragged", "row")]
    refused(write_csv(tmp_path / "ragged/texts.csv", ("label", "text"), rows), "from line 22 on: it has 3 columns")
    (tmp_path / "quote").mkdir()
    (tmp_path / "quote/texts.csv").write_text('label,text\npos,a\nneg,"never closed\n' + "and on it goes\n" * 20)
    monkeypatch.setattr(text_files, "MAX_TEXT", 100)
    old = csv.field_size_limit(100)
    try:
        refused(tmp_path / "quote", r"from line 3 on: field larger than field limit")
    finally:
        csv.field_size_limit(old)


def test_tables_that_are_read_side_by_side_have_the_same_limit(tmp_path):
    """A field of 200,000 characters is longer than csv allows by itself."""
    for name in ("one", "two"):
        write_csv(tmp_path / f"{name}.csv", ("label", "text"), [("pos", "x" * 200_000)] * 2)
    one, two = (open_table(tmp_path / f"{name}.csv").rows() for name in ("one", "two"))
    next(one)
    assert len(list(two)) == 2 and len(list(one)) == 1


def test_texts_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "MAX_TEXT", 100)
    monkeypatch.setattr(text_files, "MAX_TEXT", 100)
    refused(
        write_csv(tmp_path / "csv/texts.csv", ("label", "text"), [*REVIEWS, ("neg", "x" * 101)]),
        r"texts.csv#21 has more",
    )
    files: dict[str, str | bytes] = {f"{label}/{number}.txt": "x" for label in ("a", "b") for number in range(5)}
    refused(
        write_files(tmp_path / "files", files | {"a/9.txt": "x" * 101}), r"a/9.txt has more than .* characters. Cut it"
    )
    monkeypatch.setattr(text_tables, "MAX_TEXTS", 9)
    refused(tmp_path / "csv", r"more than 9 texts")
    monkeypatch.setattr(text_tables, "MAX_TEXT", 25)
    monkeypatch.setattr(text_tables, "MAX_TEXTS", 11)
    many = {"text": ["x"] * 12, "label": [0, 1] * 6}
    refused(save(tmp_path / "many", train=many), r"many has more than 11 texts")
    refused(save(tmp_path / "long", train={"text": ["x" * 101], "label": [0]}), r"A text in train has more")


def test_a_folder_that_is_none_of_the_layouts(tmp_path):
    refused(tmp_path / "none", r"There is no .*none\. Give a CSV file")
    write_files(tmp_path / "files", {"a.txt": "x", "deep/down/a.txt": "x"})
    refused(tmp_path / "files", r"files is not a data set of texts: it has none. .* pos/\*\.txt and neg/\*\.txt")
    write_files(tmp_path / "two", {"a.csv": "label,text\n", "b.csv": "label,text\n"})
    refused(tmp_path / "two", r"2 tables, and which of them is meant is not clear")
    refused(write_files(tmp_path / "one", {"pos/a.txt": "x"}), r"1 classes \(pos\)")


def test_a_saved_dataset_that_cannot_be_used(tmp_path):
    good = {"text": [f"t{number}" for number in range(10)], "label": [0, 1] * 5}
    refused(save(tmp_path / "splits", first=good, second=good), r"splits first, second. One must be called train")
    refused(save(tmp_path / "column", train={"words": ["a"], "label": [0]}), r"columns words, label. .* rename_column")
    plain = datasets.Value("int64")
    refused(save(tmp_path / "names", plain, train=good), r"have no names. .* class_encode_column")
    save(tmp_path / "labels", datasets.ClassLabel(names=["a", "b", "c"]), train=good | {"label": [0, 2] * 5})
    for file in (tmp_path / "labels").rglob("*.json"):  # as if somebody had cut the list of names
        file.write_text(file.read_text().replace(',\n        "c"', ""))
    refused(tmp_path / "labels", r"labels from 0 to 2 for 2 classes")
    (file,) = save(tmp_path / "cut", train=good).rglob("*.arrow")
    file.write_bytes(file.read_bytes()[:200])
    refused(tmp_path / "cut", r"no whole DatasetDict .* save_to_disk")
    write_files(tmp_path / "json", {"dataset_dict.json": "[]"})
    refused(tmp_path / "json", r"no whole DatasetDict")
    write_files(tmp_path / "far", {"dataset_dict.json": '{"splits": ["../cut/train"]}'})
    refused(tmp_path / "far", r"splits \.\./cut/train. One must be called train")


def test_splits_have_names(tmp_path):
    data = open_texts(write_csv(tmp_path / "set/texts.csv", ("label", "text"), REVIEWS))
    assert data.items("train") == data.train
    assert data.items("valid") == data.valid
    with pytest.raises(DataError, match=r"set has no test split"):
        data.items("test")
    with pytest.raises(DataError, match=r"no split 'unlabelled'. The splits are: train, valid, test"):
        data.items("unlabelled")


def test_the_summary_answers_the_six_questions(tmp_path):
    rows = [("good", "This film is SOOO good.", 0), ("bad", "No.", 1), ("", "?", 0), ("", "!", 0)]
    data = open_texts(write_csv(tmp_path / "texts.csv", ("label", "text", "is_valid"), rows))
    steps = data.summary(Stage(text_length=128, batch_size=16))
    assert [(step.question, step.answer) for step in steps] == [
        ("Where are the inputs?", "2 texts, and 2 that nobody has labelled, the first texts.csv#1"),
        ("How are they split?", "1 to train, 1 to validate (the rows where is_valid is True)"),
        ("How are they labelled?", "good; the model learns: bad, good"),
        ("Is there a test set?", "none: validation figures only"),
        (
            "Which transforms?",
            "none, for a text: it becomes tokens, and they become numbers. It begins: "
            "xxbos xxmaj this film is s xxrep 3 o good .",
        ),
        (
            "How are they batched?",
            "cut to 128 tokens, sorted by length into batches of 16, and padded to the longest of the batch",
        ),
    ]
    assert [eval(step.code, {"data": data, "tokenize": tokenize}) for step in steps[:5]] == [
        ["This film is SOOO good."],
        ((0,), (1,)),
        "good",
        (),
        tokenize("This film is SOOO good."),
    ]


def test_the_page_does_not_wait_for_the_table_library():
    code = "import sys, engine.data.sources.fetching; assert not {'datasets', 'pyarrow', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])


@pytest.fixture
def mirror(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(archives))


@pytest.mark.real_data
def test_the_real_sample(mirror):
    data = open_texts(fetch("imdb_sample"))
    assert (len(data.train), len(data.valid), data.test, data.unlabelled) == (800, 200, (), ())
    assert data.classes == ("negative", "positive")
    assert data.texts([min(data.train)])[0].startswith("Un-bleeping-believable! Meg Ryan")


@pytest.mark.real_data
def test_the_real_reviews(mirror):
    data = open_texts(fetch("imdb"))
    assert (len(data.train), len(data.valid), len(data.test), len(data.unlabelled)) == (22_500, 2_500, 12_500, 50_000)
    assert data.classes == ("neg", "pos")
    labels = data.labels((*data.train, *data.valid))
    assert (labels.count(0), labels.count(1)) == (12_500, 12_500)
    names = [data.name(row) for row in (min(data.train), max(data.train), data.unlabelled[0])]
    assert [name.rpartition("/")[0] for name in names] == ["train/neg", "train/pos", "unsup"]
    assert read_record("imdb")["texts"] == {"train": 25_000, "test": 12_500, "unsupervised": 50_000}
