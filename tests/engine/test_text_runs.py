"""Texts from end to end: a language model learns, a classifier starts from it, is measured, and answers."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_text import publish_pooler, save_tiny, shrink_word_models, write_texts
from typer.testing import CliRunner

from engine.bundle.config import read_config, resolve_bundle
from engine.bundle.files import latest_checkpoint
from engine.bundle.tensors import own_tensors
from engine.bundle.weights import init_weights
from engine.cli.app import app
from engine.events import EpochFinished, Event, RatesSuggested, RunFailed, RunFinished, RunStopped, StageStarted, Warned
from engine.kinds.text import build_text_classifier
from engine.recipe import Recipe, Stage
from engine.runs import worker
from engine.runs.remarks import remarks_of
from engine.runs.store import RunSpec, create_run, read_events, read_spec, request_stop
from engine.serving.predictor import load_predictor
from engine.tasks.imdb import CLASSIFIER, LANGUAGE_MODEL, REMARK, TRANSDUCTIVE

STAGE = Stage(name="tiny", epochs=1, max_lr=1e-3, batch_size=4, text_length=32, precision="fp32", train_items=8)


def call(*arguments: object, code: int = 0) -> dict[str, Any]:
    """The command's JSON, its last line on standard output."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1])


def complaint(*arguments: object) -> str:
    """What the command says when it refuses."""
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 1, result.output
    return " ".join(result.stderr.split())


def test_from_a_language_model_to_an_answer_on_the_command_line(reviews: Path, tiny_bert: Path, tmp_path: Path) -> None:
    """The runs' workers are processes of their own."""
    settings = ["--dataset", reviews, "--backbone", tiny_bert, "--epochs=1", "--batch-size=4", "--text-length=32"]
    settings += ["--precision=fp32"]
    learnt = call("train", "imdb", "--objective", TRANSDUCTIVE, *settings, "--max-lr", "1e-3")
    judged = call("train", "imdb", "--init-from", learnt["run"], *settings, "--max-lr=1e-4,1e-3")
    assert (learnt["status"], judged["status"]) == ("finished", "finished")
    assert set(learnt["best"]) == {"next_word_accuracy", "perplexity", "train_loss", "valid_loss"}
    events, _ = read_events(Path(judged["run"]))
    (started,) = [event for event in events if isinstance(event, StageStarted)]
    assert (started.input_size, started.train_items, started.valid_items) == ("up to 32 tokens", 16, 6)
    assert not [event for event in events if isinstance(event, Warned)], "a head of its own is nothing to warn of"

    figures = call("evaluate", judged["run"])
    assert figures["items"] == 6 and figures["remarks"] == [REMARK]
    assert figures["metrics"] == pytest.approx({name: judged["best"][name] for name in figures["metrics"]}, rel=1e-4)
    assert sum(map(sum, figures["confusion"])) == 6
    tested = call("evaluate", learnt["run"], "--split", "test")
    assert tested["items"] == 4 and tested["metrics"]["perplexity"] > 1 and tested["remarks"] == [REMARK]

    (tmp_path / "good.txt").write_text("A lovely film.")
    (tmp_path / "empty.txt").write_text(" ")
    answers = call("predict", judged["run"], tmp_path / "good.txt", tmp_path / "empty.txt", code=1)["predictions"]
    assert list(answers[0]["probabilities"]) == ["neg", "pos"]
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1)
    assert "There is no text yet" in answers[1]["error"]
    (tmp_path / "many.csv").write_text("text;id\nA lovely film.;1\nA dull film.;2\n")
    (tmp_path / "none.csv").write_text("id\n1\n")
    answers = call("predict", judged["run"], tmp_path / "none.csv", tmp_path / "many.csv", code=1)["predictions"]
    assert "none is called text" in answers[0]["error"] and len(answers) == 3, (
        "one bad table is no reason to leave the others"
    )
    (next_words,) = call("predict", learnt["run"], tmp_path / "good.txt")["predictions"]
    assert next_words["text"] == "A lovely film." and len(next_words["next"]) > 5

    written = [call("write", learnt["run"], "A film", "--tokens", 4, "--seed", seed)["written"] for seed in (1, 1, 2)]
    assert written[0] == written[1] != written[2] and written[0].startswith("A film")
    assert "is no language model" in complaint("write", judged["run"], "A film")
    explained = call("explain", judged["run"], "A lovely film.")
    assert [row["words"].strip() for row in explained["pushes"]] == ["A", "lovely", "film."]
    assert "IMDB has no use for --image-size" in complaint("evaluate", judged["run"], "--image-size", "64")
    assert "no classifier of texts" in complaint("explain", learnt["run"], "A film")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-size", "64"], "IMDB has no use for --image-size. Leave it out."),
        (["--objective", "summary"], "IMDB has no objective 'summary'. There are: classifier, language_model"),
        (["--recipe", "quick", "--objective", CLASSIFIER], "--recipe quick has an objective of its own"),
        (["--text-length", "8"], "Length of a text is 8. Give a number from 16 to 4096"),
        (["--drop-mult", "3"], "Dropout times is 3. Give a number from 0 to 2"),
    ],
)
def test_a_mistake_is_told_before_there_is_a_run(reviews: Path, arguments: list[str], message: str) -> None:
    assert message in complaint("train", "imdb", "--dataset", reviews, *arguments)
    assert call("runs") == {"runs": []}


def test_columns_of_a_table_become_a_data_set_on_the_command_line(tmp_path: Path) -> None:
    table = tmp_path / "tweets.csv"
    table.write_text("Mood,Words\n" + "".join(f"{'good' if n % 2 else 'bad'},a long tweet {n}\n" for n in range(20)))
    answer = call("add-texts", table)
    assert (answer["text"], answer["label"]) == ("words", "mood") and Path(
        answer["folder"], "dataset_dict.json"
    ).is_file()
    assert call("add-texts", table, "--text", "Words", "--label", "Mood") == answer
    assert "Choose one for the texts" in complaint("add-texts", table, "--text", "nothing")


def test_rates_for_a_text_model_are_found_on_the_command_line(reviews: Path, tiny_bert: Path) -> None:
    knobs = ["--batch-size=4", "--text-length=32", "--precision=fp32", "--objective", LANGUAGE_MODEL]
    found = call("lr-find", "imdb", "--dataset", reviews, "--backbone", tiny_bert, *knobs)
    assert set(found["suggestions"]) == {"valley", "slide", "steep", "minimum/10"}


def made(reviews: Path, backbone: object, aim: str, start: Path | None = None, **changes: Any) -> Path:
    """A run of one stage, or of the stages given as `stages`."""
    stages = changes.pop("stages", (STAGE,))
    recipe = Recipe(name="tiny", backbone=str(backbone), stages=stages, objective=aim)
    spec = RunSpec(task="imdb", dataset=str(reviews), recipe=recipe, init_from=str(start or ""), **changes)
    return create_run(spec)


def work(run: Path) -> list[Event]:
    """Be the run's worker, and what it has said in all."""
    worker.main(run)
    return read_events(run)[0]


@pytest.fixture
def awd(monkeypatch: pytest.MonkeyPatch) -> str:
    return shrink_word_models(monkeypatch)


def test_an_awd_lstm_s_classifier_starts_from_its_language_model(reviews: Path, awd: str) -> None:
    language = made(reviews, awd, LANGUAGE_MODEL)
    assert isinstance(work(language)[-1], RunFinished)
    frozen = dataclasses.replace(STAGE, train_from=-1)
    classifier = made(reviews, awd, CLASSIFIER, language, stages=(frozen,))
    assert isinstance(work(classifier)[-1], RunFinished)
    before, after = (load_file(resolve_bundle(run) / "model.safetensors") for run in (language, classifier))
    encoder = {name for name in before if name.startswith("encoder.")}
    assert len(encoder) == 13 and all((before[name] == after[name]).all() for name in encoder)
    words = [(resolve_bundle(run) / "words.json").read_text() for run in (language, classifier)]
    assert words[0] == words[1]
    predictor = load_predictor(classifier)
    assert (
        predictor.predict("I liked it.").probabilities
        == load_predictor(classifier).predict("I liked it.").probabilities
    )
    assert predictor.config.remarks == ()
    one, other = (load_predictor(language).predict("I liked") for _ in range(2))
    assert one == other, "it does not read on from what it was asked before"


def test_a_remark_is_inherited_and_said_once(reviews: Path, awd: str) -> None:
    first = made(reviews, awd, TRANSDUCTIVE)
    work(first)
    second = made(reviews, awd, TRANSDUCTIVE, first)
    work(second)
    third = made(reviews, awd, CLASSIFIER, second)
    work(third)
    configs = [read_config(resolve_bundle(run)) for run in (first, second, third)]
    assert [config.remarks for config in configs] == [(REMARK,)] * 3
    assert [config.starts for config in configs] == [(), configs[0].trainings, configs[1].trainings]
    assert [start.recipe for start in configs[2].starts] == [read_spec(run).recipe for run in (first, second)]


def test_a_run_that_was_stopped_goes_on_with_its_own_words_and_remarks(reviews: Path, awd: str) -> None:
    stages = (STAGE, dataclasses.replace(STAGE, name="more", epochs=2))
    start = made(reviews, awd, TRANSDUCTIVE)
    work(start)
    run = made(reviews, awd, CLASSIFIER, start, stages=stages)
    stopper = worker.append_event

    def stop_after_an_epoch(folder: Path, event: Event) -> None:
        stopper(folder, event)
        if isinstance(event, EpochFinished) and event.stage == 0:
            request_stop(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "append_event", stop_after_an_epoch)
        assert isinstance(work(run)[-1], RunStopped)
    assert isinstance(work(run)[-1], RunFinished)
    latest = latest_checkpoint(run / "checkpoints")
    assert latest
    config = read_config(latest)
    assert (config.remarks, config.stage.name, config.objective) == ((REMARK,), "more", CLASSIFIER)
    assert config.starts == read_config(resolve_bundle(start)).trainings


def test_the_search_for_a_rate_starts_from_a_language_model_too(reviews: Path, awd: str) -> None:
    language = made(reviews, awd, LANGUAGE_MODEL)
    work(language)
    search = made(reviews, awd, CLASSIFIER, language, job="lr-find")
    kinds = [type(event) for event in work(search)]
    assert RatesSuggested in kinds and kinds[-1] is RunFinished
    assert not (search / "checkpoints").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": (dataclasses.replace(STAGE, text_length=128),)}, "reads up to 64 tokens, not 1"),
        ({"backbone": "nobody/no-such-model"}, "The text model nobody/no-such-model cannot be loaded"),
        ({"stages": (dataclasses.replace(STAGE, train_from=-8),)}, "the model has 5 groups"),
    ],
)
def test_what_cannot_be_trained_is_told_as_the_user_s_own_mistake(
    reviews: Path, tiny_bert: Path, changes, message
) -> None:
    run = made(reviews, **{"backbone": tiny_bert, "aim": CLASSIFIER, **changes})
    ending = work(run)[-1]
    assert isinstance(ending, RunFailed)
    assert message in ending.message and "bug" not in ending.message
    assert read_spec(run).task == "imdb"


def test_a_start_of_another_kind_is_told(reviews: Path, tiny_bert: Path, awd: str) -> None:
    language = made(reviews, awd, LANGUAGE_MODEL)
    work(language)
    ending = work(made(reviews, tiny_bert, CLASSIFIER, language))[-1]
    assert isinstance(ending, RunFailed) and "holds awd-lstm. Choose that as backbone" in ending.message


def test_a_language_model_keeps_its_head_on_data_with_other_classes(
    reviews: Path, tmp_path: Path, tiny_bert: Path
) -> None:
    """Classes mean nothing to it; the warning is that some texts may be in both."""
    others = tmp_path / "others"
    write_texts(others, train=["a good film", "a bad plot"] * 20, valid=["the plot was good"] * 8)
    (others / "texts.csv").write_text(
        (others / "texts.csv").read_text().replace("neg", "worse").replace("pos", "better")
    )
    before = made(reviews, tiny_bert, LANGUAGE_MODEL)
    assert isinstance(work(before)[-1], RunFinished)
    after = made(others, tiny_bert, LANGUAGE_MODEL, before, stages=(dataclasses.replace(STAGE, max_lr=1e-7),))
    events = work(after)
    assert isinstance(events[-1], RunFinished)
    (warned,) = [event.message for event in events if isinstance(event, Warned)]
    assert "are now measured on" in warned
    old, new = (load_file(resolve_bundle(run) / "model.safetensors") for run in (before, after))
    heads = [name for name in old if "predictions.transform" in name]
    assert heads and all((old[name] - new[name]).abs().max() < 1e-4 for name in heads)


def test_a_classifier_takes_the_pooler_that_its_language_model_has_none_of(reviews: Path, tmp_path: Path) -> None:
    backbone = save_tiny(tmp_path / "with-pooler")
    pooler = publish_pooler(backbone)
    language = made(reviews, backbone, LANGUAGE_MODEL)
    assert isinstance(work(language)[-1], RunFinished)
    start = resolve_bundle(language)
    model = build_text_classifier(read_config(start).plan, pretrained=False)
    fresh = init_weights(model, start, ("neg", "pos"))
    assert fresh == ["classifier.bias", "classifier.weight"]
    assert all(torch.equal(own_tensors(model)[name], tensor) for name, tensor in pooler.items())


def test_what_was_said_of_a_run_that_is_gone_stands_in_the_checkpoints(reviews: Path, awd: str) -> None:
    language = made(reviews, awd, TRANSDUCTIVE)
    work(language)
    classifier = made(reviews, awd, CLASSIFIER, language)
    work(classifier)
    shutil.rmtree(language)
    assert remarks_of(classifier) == (REMARK,)


def test_one_text_to_validate_or_to_a_batch_is_no_bug(tmp_path: Path, awd: str) -> None:
    """The lesson's head has BatchNorms, which learn nothing from one text."""
    few = write_texts(tmp_path / "few", train=["a good film", "a bad plot"] * 4, valid=["the plot was good"])
    timed = dataclasses.replace(STAGE, precision="auto")
    assert isinstance(work(made(few, awd, CLASSIFIER, stages=(timed,)))[-1], RunFinished)
    alone = work(made(few, awd, CLASSIFIER, stages=(dataclasses.replace(STAGE, batch_size=1),)))[-1]
    assert isinstance(alone, RunFailed) and "Choose a batch size of 2 or more" in alone.message
