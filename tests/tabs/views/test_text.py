"""How texts are shown and tried: cards, tokens, pushes, a finished sentence, a table; as plain functions on a tiny model."""

import csv
import inspect
from functools import partial
from pathlib import Path

import gradio as gr
import pytest
from tiny_text import save_tiny, shrink_word_models

from engine.cli.texts import write
from engine.data.drawn.reviews import draw_reviews
from engine.errors import RunError
from engine.library import listing
from engine.library.export import export_bundle
from engine.library.listing import downloads_folder
from engine.recipe import MINILM, Recipe, Stage
from engine.runs.store import RunSpec, create_run, find_run
from engine.runs.worker import main
from engine.serving.writing import write_on
from engine.tasks.imdb import IMDB, LANGUAGE_MODEL, REMARK, TRANSDUCTIVE
from engine.tasks.lesson import TEMPERATURE
from tabs import home
from tabs.panels import cases as cases_panel
from tabs.panels import copied, taking
from tabs.panels import data as data_panel
from tabs.panels import plan as plan_panel
from tabs.panels import rate as rate_panel
from tabs.panels import results as results_panel
from tabs.panels import train as train_panel
from tabs.panels.stage_form import form_values
from tabs.reading import opened
from tabs.views import text_batch, text_tokens, text_try
from tabs.views.answers import keep_only
from tabs.views.text import review
from tabs.views.text_view import TEXT_VIEW

STAGE = Stage(name="tiny", epochs=1, max_lr=1e-3, batch_size=8, text_length=32, precision="fp32")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviews") / "reviews"
    draw_reviews(folder, train=24, valid=8, test=4, unlabelled=8)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("tiny") / "bert"))


def train(reviews: Path, backbone: str, objective: str = "", init_from: str = "") -> str:
    recipe = Recipe(name="tiny", stages=(STAGE,), backbone=backbone, objective=objective)
    run_dir = create_run(RunSpec(task="imdb", dataset=str(reviews), recipe=recipe, init_from=init_from))
    assert main(run_dir) == 0
    return run_dir.name


def test_reviews_are_shown_with_their_class_and_their_markup_is_text(reviews):
    shown = data_panel.show_gallery(IMDB, TEXT_VIEW, str(reviews), "train", 0)
    html, legend, where = shown.gallery, shown.legend, shown.where
    assert html.count("lab-review") - html.count("lab-reviews") == 6 and where == "1–6 of 24"
    assert "2 classes: neg, pos" in legend or "2 classes: negative, positive" in legend
    shown = review("A<br />B <script>alert(1)</script> &amp; C", [("pos", "plain")], "x")
    assert "<script>" not in shown and "A\nB &lt;script&gt;" in shown and "&amp; C" in shown
    lengths = data_panel.show_frequencies(IMDB, TEXT_VIEW, str(reviews))
    assert "Words in a text" in lengths and "8 more texts have no label" in lengths
    questions, code = data_panel.show_questions(IMDB, str(reviews), "none")
    assert questions.count("<li>") == 6 and "tokenize(text)" in code


def test_a_text_becomes_pieces_and_words_while_it_is_written(reviews):
    def show_words(dataset: str, written: str, length: int = 256) -> list[str]:
        return list(text_tokens.show_words(IMDB, dataset, written, length))

    pieces = text_tokens.show_pieces("Sooooo good, unbelievable", MINILM, 256)
    assert "[CLS]" in pieces and ">101<" in pieces and "the vocabulary has 30,522" in pieces
    long = text_tokens.show_pieces("good " * 40, MINILM, 32)
    assert "would lose 10 of them, from the middle" in long and long.count(" unread") == 10
    counting, words = show_words(str(reviews), "The FILM zzyzx !!!!")
    assert "Counting the words" in counting
    assert 'class="lab-token special"' in words and 'class="lab-token unknown"' in words and "xxup" in words
    assert "unknown; the vocabulary has" in words
    assert show_words(str(reviews), "The FILM zzyzx !!!!") == [words], "counted once"
    assert show_words("", "x") == [text_tokens.LATER]
    assert "xxbos" in show_words(str(reviews), "")[0]
    assert "neither a folder" in show_words("/gone", "x")[-1]
    assert "<b>" not in text_tokens.show_pieces("<b>", MINILM, 256)
    assert "1000 tokens" not in text_tokens.show_pieces("good " * 1_000_000, MINILM, 256)
    assert "cannot be loaded" in text_tokens.show_pieces("x", "/no/such/model", 256)


def test_a_classifier_judges_a_text_and_says_what_pushed_it(reviews, tiny):
    run = train(reviews, tiny)
    html, pushes = text_try.judge(run, "i love this film and the plot")
    assert "lab-verdict" in html and html.count("%</div>") == 2
    assert [words.strip() for words, _ in pushes] == ["i", "love", "this", "film", "and", "the", "plot"]
    assert all(abs(push) <= text_try.MOST_COLOUR for _, push in pushes) and any(push for _, push in pushes)
    assert text_try.judge(run, "  \n") == (text_try.NOTHING_YET, [])
    assert text_try.judge(None, "x") == (text_try.NO_MODEL, [])
    long, parts = text_try.judge(run, "good film " * 500)
    assert "lab-verdict" in long and 2 <= len(parts) <= 48
    assert "".join(words for words, _ in parts) == "good film " * 500
    for odd in ("😀😀😀", "a\x00\x07b", "\ud800", "x" * 5000, "."):
        assert "lab-verdict" in text_try.judge(run, odd).verdict, ascii(odd)
    assert "200,000 characters" in text_try.judge(run, "a " * 2_500_000).verdict
    assert "tokens from the middle are not read: this model reads 32" in long
    assert "takes no more than 20,000 letters" in text_try.judge(run, "good " * 4000).verdict
    assert text_try.finish(run, "this film", 0.8, 5, 1) == (text_try.NO_WRITER, "")

    worst = cases_panel.show_cases(IMDB, TEXT_VIEW, run, "valid", cases_panel.Asked("worst"), 0)
    shown, start, where = worst.cases, worst.start, worst.where
    assert shown.count("· loss") == 3 and where == "1–3 of 8" and start == 0
    figures = results_panel.show_figures(TEXT_VIEW, run)
    assert "ROC AUC" in figures and "Expected calibration error" in figures and "lab-heat" in figures


def test_a_language_model_writes_on_before_and_after_and_is_offered_through_its_classifier(reviews, tiny):
    writer = train(reviews, tiny, LANGUAGE_MODEL)
    before, after = text_try.finish(writer, "this film is", 0.8, 5, 1)
    assert before.startswith("<h4>Before: ") and after.startswith("<h4>After: ")
    assert before.partition("</h4>")[2] != after.partition("</h4>")[2]
    assert text_try.finish(writer, "this film is", 0.8, 5, 1).after == after
    assert text_try.judge(writer, "a film") == (text_try.NO_CLASSIFIER, [])
    assert text_try.finish(writer, " ", 0.8, 5, 1) == (text_try.NOTHING_WRITTEN, "")
    assert "goes on" in cases_panel.show_cases(IMDB, TEXT_VIEW, writer, "valid", cases_panel.Asked(), 0).cases
    assert (
        "no answer that could be right"
        in cases_panel.show_cases(IMDB, TEXT_VIEW, writer, "valid", cases_panel.Asked("worst"), 0).cases
    )
    assert "Perplexity" in results_panel.show_figures(TEXT_VIEW, writer)

    classifier = train(reviews, tiny, init_from=str(find_run(writer)))
    assert text_try.finish(classifier, "this film is", 0.8, 5, 1).after == after
    further = train(reviews, tiny, LANGUAGE_MODEL, init_from=str(find_run(writer)))
    assert opened.run_label(writer) in text_try.finish(further, "this film is", 0.8, 5, 1).before
    roundabout = train(reviews, tiny, LANGUAGE_MODEL, init_from=str(find_run(classifier)))
    assert [found.name for found in text_try.writers(roundabout)] == [roundabout, writer]


def test_what_was_written_goes_with_its_model_beginning_and_settings():
    asked = ("run", "this film is", 0.8, 30)
    keep = partial(keep_only, text_try.NOT_FINISHED)
    assert keep(asked, *asked) == keep(None, *asked) == (gr.skip(), gr.skip())
    for now in (("other", *asked[1:]), ("run", "this film was", *asked[2:]), (*asked[:2], 0.7, 30), (*asked[:3], 40)):
        assert keep(asked, *now) == text_try.NOT_FINISHED


@pytest.mark.parametrize("is_sample", [True, False])
def test_a_language_model_from_elsewhere_writes_and_so_does_what_started_from_it(reviews, tiny, is_sample):
    folder, name = (listing.SAMPLES_FOLDER, "sample-lm") if is_sample else (downloads_folder(), "lm")
    bundle = export_bundle(find_run(train(reviews, tiny, LANGUAGE_MODEL)), folder / "lm")
    assert text_try.judge(name, "a film") == (text_try.NO_CLASSIFIER, [])
    before, after = text_try.finish(name, "this film is", 0.8, 5, 1)
    assert "lab-written" in after and ("Sample · " if is_sample else "Hub · lm · ") in after
    if not is_sample:
        assert "is no backbone that this task offers" in before, "a bundle must not say what is fetched"
    classifier = train(reviews, f"./{Path(tiny).name}", init_from=str(bundle))
    assert [found.name for found in text_try.writers(classifier)] == [name]
    assert text_try.finish(classifier, "this film is", 0.8, 5, 1).after == after


def test_words_that_began_at_random_have_no_before(reviews, monkeypatch):
    writer = train(reviews, shrink_word_models(monkeypatch), LANGUAGE_MODEL)
    before, after = text_try.finish(writer, "this film", 1.0, 5, 1)
    assert "began with random weights" in before and "lab-written" in after
    assert "Give a number above 0" in text_try.finish(writer, "this film", 0.0, 5, 1).before


def test_figures_of_a_model_that_read_the_test_texts_say_so_wherever_they_stand(reviews, tiny):
    writer = train(reviews, tiny, TRANSDUCTIVE)
    classifier = train(reviews, tiny, init_from=str(find_run(writer)))
    for run in (writer, classifier):
        assert REMARK in results_panel.show_figures(TEXT_VIEW, run).replace("&#x27;", "'")
        assert REMARK in train_panel.poll_run(IMDB, {}, run, "").live
        assert "(transductive)" in home.last_figures(run, opened.snapshot_of(run))
    assert REMARK in text_try.judge(classifier, "a film").verdict
    plain = train(reviews, tiny, LANGUAGE_MODEL)
    assert opened.remarks_of(plain) == ()


def test_a_table_of_texts_is_judged_row_by_row(reviews, tiny, tmp_path, monkeypatch):
    run = train(reviews, tiny)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    table = tmp_path / "texts.csv"
    table.write_text('id,Review\n1,"good, good film"\n2,\n3,"bad\nfilm"\n', encoding="utf-8")
    html, update = text_batch.judge_table(run, str(table))
    assert html.count("<tr>") == 4 and opened.run_label(run) in html
    with Path(update["value"]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["good, good film", "", "bad\nfilm"], "they line up with the file"
    assert [bool(row["class"]) for row in rows] == [True, False, True] and "no text yet" in rows[1]["error"]
    table.write_text('id;Review\n1;"good; good film"\n', encoding="utf-8")
    assert "good; good film" in text_batch.judge_table(run, str(table)).answers
    lines = tmp_path / "texts.txt"
    lines.write_text("good\n\nbad\n", encoding="utf-8")
    assert text_batch.judge_table(run, str(lines)).answers.count("<tr>") == 4
    for content, problem in ((b"id,words\n1,a\n", "none is called text"), (b"", "is empty"), (b"text\n", "no texts")):
        table.write_bytes(content)
        with pytest.raises(gr.Error, match=problem):
            text_batch.judge_table(run, str(table))
    with pytest.raises(gr.Error, match="not uploaded here"):
        text_batch.judge_table(run, "/etc/passwd")
    table.write_text("text\n" + "good\n" * 501, encoding="utf-8")
    with pytest.raises(gr.Error, match="501 texts are too many"):
        text_batch.judge_table(run, str(table))


def test_the_form_trains_either_aim_and_a_rate_goes_back_to_its_own(reviews):
    plans = [plan for _, plan in plan_panel.plan_choices(IMDB)][:3]
    assert plans == ["one-stage", f"one-stage:{LANGUAGE_MODEL}", f"one-stage:{TRANSDUCTIVE}"]
    values = form_values(STAGE).knobs
    asked = (IMDB, str(reviews), plans[1], "any", "zeros", "", 1)
    run = train_panel.start_run(*asked, *values)["value"]
    recipe = opened.spec_of(run).recipe
    assert (recipe.objective, recipe.stages[0].text_length, recipe.name) == (LANGUAGE_MODEL, 32, "full-32")
    assert copied.copy_settings(IMDB, run).plan == plans[1]
    assert LANGUAGE_MODEL in plan_panel.planned_code(*asked, *values)
    assert plan_panel.aim_values(IMDB, plans[1]) == form_values(IMDB.aim(LANGUAGE_MODEL).default_stage)
    finder = rate_panel.start_finder(IMDB, str(reviews), "any", "zeros", "", -1, 64, 8, LANGUAGE_MODEL)["value"]
    assert opened.spec_of(finder).recipe.stages[0].text_length == 64
    assert opened.run_title(finder).startswith("LR finder, language model, frozen, 64 tokens")
    taken = taking.taken(finder, 1e-3)
    assert (taken.train_from, taken.size, taken.batch_size, taken.plan) == (-1, 64, 8, plans[1])


def test_a_run_that_is_gone_ends_the_line_of_remarks(reviews):
    spec = RunSpec(
        task="imdb",
        dataset=str(reviews),
        recipe=Recipe(name="tiny", stages=(STAGE,), backbone="any"),
        init_from="/gone",
    )
    assert opened.remarks_of(create_run(spec).name) == ()
    with pytest.raises(RunError):
        find_run("/gone")


def test_the_lesson_s_temperature_is_what_everybody_begins_with(build) -> None:
    """In Python, in the shell and on the page, whose slider can stand there."""
    assert TEMPERATURE == 0.75
    for function in (write_on, write):
        assert inspect.signature(function).parameters["temperature"].default == TEMPERATURE

    def make():
        with gr.Blocks() as page:
            text_try.build_try(IMDB, gr.Dropdown(), gr.State())
        return page

    sliders = [block for block in build(make).blocks.values() if isinstance(block, gr.Slider)]
    (slider,) = [slider for slider in sliders if str(slider.label).startswith("Temperature")]
    steps = (TEMPERATURE - slider.minimum) / slider.step
    assert slider.value == TEMPERATURE
    assert steps == pytest.approx(round(steps))
