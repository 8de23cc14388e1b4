"""IMDB: does this review like its film? First a language model learns to guess words, then its encoder learns to judge."""

from engine.inputs import TEXT
from engine.kinds.main_metrics import ACCURACY, NEXT_WORD_ACCURACY
from engine.recipe import AWD_LSTM, AWD_LSTM_SMALL, AWD_LSTM_WT103, LEAST_STEPS, MINILM, Recipe, Stage
from engine.task import Aim, Objective, Task
from engine.tasks.lesson import ALL_SETTINGS, slice_below

CLASSIFIER, LANGUAGE_MODEL, TRANSDUCTIVE = "classifier", "language_model", "language_model_transductive"
MOMENTUM = (0.8, 0.7)
REMARK = (
    "Transductive: the language model has read the texts of the test split (not their labels), so its figures and those of "
    "classifiers that start from it say less about texts that nobody has seen."
)


def build_classifier() -> Objective:
    """Positive or negative."""
    from engine.kinds.text import build_text_objective

    return build_text_objective()


def build_language() -> Objective:
    """The next word, or a hidden one."""
    from engine.kinds.language import build_language_objective

    return build_language_objective()


def build_transductive() -> Objective:
    """The same, and it reads the test texts too, as the lesson's does."""
    from engine.kinds.language import build_language_objective

    return build_language_objective(reads_test=True)


def gradual(
    *,
    epochs: tuple[int, int, int, int],
    rates: tuple[float, float, float, float],
    batch_size: int,
    text_length: int,
    drop_mult: float,
) -> tuple[Stage, ...]:
    """Gradual unfreezing: the head, the last two layer groups, the last three, everything; slices by 2.6 a group."""
    names, groups = ("head", "last-two", "last-three", "full"), (-1, -2, -3, 0)
    return tuple(
        Stage(
            name=name,
            epochs=count,
            max_lr=rate if name == "head" else slice_below(rate),
            train_from=group,
            batch_size=batch_size,
            text_length=text_length,
            momentum=MOMENTUM,
            drop_mult=drop_mult,
        )
        for name, group, count, rate in zip(names, groups, epochs, rates, strict=True)
    )


CLASSIFIER_STAGE = Stage(
    name="full", epochs=1, max_lr=(2e-5, 2e-4), batch_size=32, text_length=256, momentum=MOMENTUM, weight_decay=1e-2
)
LANGUAGE_STAGE = Stage(
    name="language", epochs=1, max_lr=(5e-5, 5e-4), batch_size=32, text_length=128, momentum=MOMENTUM, weight_decay=1e-2
)

QUICK = Recipe(
    name="quick",
    least_steps=LEAST_STEPS,
    title="A first look",
    note="The head, then everything, on 128 tokens of 2,000 reviews: a rough result in a few minutes on two cores.",
    backbone=MINILM,
    objective=CLASSIFIER,
    stages=(
        Stage(
            name="head",
            epochs=1,
            train_items=2000,
            max_lr=2e-3,
            batch_size=32,
            text_length=128,
            train_from=-1,
            momentum=MOMENTUM,
        ),
        Stage(
            name="full",
            epochs=1,
            train_items=2000,
            max_lr=(2e-5, 3e-4),
            batch_size=32,
            text_length=128,
            momentum=MOMENTUM,
        ),
    ),
)
LANGUAGE_CPU = Recipe(
    name="cpu-language",
    title="MiniLM learns the reviews' language, on a CPU",
    note="Its guessing head, then everything, on 32,000 of the reviews: labels play no part. About half an hour on two cores "
    "that multiply in bf16.",
    backbone=MINILM,
    objective=LANGUAGE_MODEL,
    stages=(
        Stage(
            name="head",
            epochs=1,
            train_items=2000,
            max_lr=3e-3,
            batch_size=32,
            text_length=128,
            train_from=-1,
            momentum=MOMENTUM,
        ),
        Stage(
            name="full",
            epochs=1,
            train_items=32_000,
            max_lr=(2e-4, 6e-4),
            batch_size=32,
            text_length=128,
            momentum=MOMENTUM,
        ),
    ),
)
CLASSIFIER_CPU = Recipe(
    name="cpu",
    least_steps=LEAST_STEPS,
    title="MiniLM, gradually unfrozen, on a CPU",
    note="The head, the last two layer groups, everything, then everything on longer texts, which is a text's way to go up in "
    "resolution. About an hour on two cores that multiply in bf16. From MiniLM's language model it comes to the same.",
    backbone=MINILM,
    objective=CLASSIFIER,
    stages=(
        Stage(name="head", epochs=1, max_lr=2e-3, batch_size=32, text_length=128, train_from=-1, momentum=MOMENTUM),
        Stage(
            name="last-two",
            epochs=1,
            max_lr=slice_below(5e-4),
            batch_size=32,
            text_length=256,
            train_from=-2,
            momentum=MOMENTUM,
        ),
        Stage(name="full", epochs=1, max_lr=slice_below(3e-4), batch_size=32, text_length=256, momentum=MOMENTUM),
        Stage(name="long", epochs=1, max_lr=slice_below(2e-4), batch_size=32, text_length=512, momentum=MOMENTUM),
    ),
)
LANGUAGE_AWD_CPU = Recipe(
    name="cpu-awd-language",
    title="A small AWD-LSTM learns the reviews' language, on a CPU",
    note="It begins with random weights, and reads 20,000 of the reviews once.",
    backbone=AWD_LSTM_SMALL,
    objective=LANGUAGE_MODEL,
    stages=(
        Stage(
            name="full",
            epochs=1,
            train_items=20_000,
            max_lr=5e-3,
            batch_size=32,
            text_length=72,
            momentum=MOMENTUM,
            drop_mult=0.2,
        ),
    ),
)
CLASSIFIER_AWD_CPU = Recipe(
    name="cpu-awd",
    least_steps=LEAST_STEPS,
    title="The small AWD-LSTM, gradually unfrozen, on a CPU",
    note="The lesson's stages, each once, on 400 words of all reviews. Start it from its language model: without one it knows "
    "no word.",
    backbone=AWD_LSTM_SMALL,
    objective=CLASSIFIER,
    stages=gradual(epochs=(1, 1, 1, 1), rates=(2e-2, 1e-2, 5e-3, 2e-3), batch_size=48, text_length=400, drop_mult=0.5),
)
LANGUAGE_GPU = Recipe(
    name="language",
    title="MiniLM learns the reviews' language, on a GPU",
    note="Its guessing head, then everything, on all reviews that may be read.",
    backbone=MINILM,
    objective=LANGUAGE_MODEL,
    stages=(
        Stage(name="head", epochs=1, max_lr=3e-3, batch_size=64, text_length=256, train_from=-1, momentum=MOMENTUM),
        Stage(name="full", epochs=3, max_lr=(2e-4, 6e-4), batch_size=64, text_length=256, momentum=MOMENTUM),
    ),
)
CLASSIFIER_GPU = Recipe(
    name="gradual",
    least_steps=LEAST_STEPS,
    title="MiniLM, gradually unfrozen, on a GPU",
    note="The lesson's four stages on 512 tokens of all reviews, from MiniLM as it comes, or from its language model.",
    backbone=MINILM,
    objective=CLASSIFIER,
    stages=gradual(epochs=(1, 1, 1, 2), rates=(2e-3, 5e-4, 4e-4, 3e-4), batch_size=32, text_length=512, drop_mult=1.0),
)
# fastai 1's own, which the notebook leaves as they are: the steps of a window, and how many an answer is made of.
LESSON_WINDOW, LESSON_LENGTH = 70, 20 * 70
LESSON_LANGUAGE = Recipe(
    name="lesson-language",
    title="The lesson's language model",
    note="AWD-LSTM from WikiText-103, one epoch frozen and ten unfrozen. The lesson's model guessed 0.3414 of the next words in "
    "a random tenth of all reviews, having read the test reviews too: it is transductive. This recipe does not read them, so "
    "that test figures are about new texts; 'Language model that reads the test texts too' is the objective that does. "
    f"{ALL_SETTINGS}",
    backbone=AWD_LSTM_WT103,
    objective=LANGUAGE_MODEL,
    stages=(
        Stage(
            name="frozen",
            epochs=1,
            max_lr=1e-2,
            batch_size=48,
            text_length=LESSON_WINDOW,
            train_from=-1,
            momentum=MOMENTUM,
            drop_mult=0.3,
        ),
        Stage(
            name="full",
            epochs=10,
            max_lr=1e-3,
            batch_size=48,
            text_length=LESSON_WINDOW,
            momentum=MOMENTUM,
            drop_mult=0.3,
        ),
    ),
)
LESSON = Recipe(
    name="lesson",
    title="The lesson's classifier",
    note="AWD-LSTM from its own language model, gradually unfrozen; start it from that. The lesson's classifier reached 0.9440 "
    "on all 25,000 test reviews, its language model transductive. The notebook learns from all 25,000 training reviews and looks "
    "at the test reviews after each epoch; here a tenth is held out for that, and the test is read when you ask. Of a text "
    "beyond 1,400 words the notebook reads all and pools the end, this one reads the beginning and the end. "
    f"{ALL_SETTINGS}",
    backbone=AWD_LSTM_WT103,
    objective=CLASSIFIER,
    stages=gradual(
        epochs=(1, 1, 1, 2), rates=(2e-2, 1e-2, 5e-3, 1e-3), batch_size=48, text_length=LESSON_LENGTH, drop_mult=0.5
    ),
)

IMDB = Task(
    name="imdb",
    title="IMDB",
    question="Does this review like its film?",
    backbone_help="Any text model of the Hugging Face Hub, by its name or folder. The first needs no network.",
    lesson="imdb",
    inputs="reviews",
    datasets=("imdb_sample", "imdb", "imdb-hub", "drawn-reviews"),
    backbones=(MINILM, AWD_LSTM_SMALL, AWD_LSTM, AWD_LSTM_WT103, "distilbert/distilbert-base-uncased"),
    recipes=(
        QUICK,
        LANGUAGE_CPU,
        CLASSIFIER_CPU,
        LANGUAGE_AWD_CPU,
        CLASSIFIER_AWD_CPU,
        LANGUAGE_GPU,
        CLASSIFIER_GPU,
        LESSON_LANGUAGE,
        LESSON,
    ),
    aims=(
        Aim(
            name=CLASSIFIER,
            title="Classifier",
            kind="text",
            input_kind=TEXT,
            metric=ACCURACY,
            build=build_classifier,
            default_stage=CLASSIFIER_STAGE,
        ),
        Aim(
            name=LANGUAGE_MODEL,
            title="Language model",
            kind="language",
            input_kind=TEXT,
            metric=NEXT_WORD_ACCURACY,
            build=build_language,
            default_stage=LANGUAGE_STAGE,
        ),
        Aim(
            name=TRANSDUCTIVE,
            title="Language model that reads the test texts too",
            kind="language",
            input_kind=TEXT,
            metric=NEXT_WORD_ACCURACY,
            remark=REMARK,
            build=build_transductive,
            default_stage=LANGUAGE_STAGE,
        ),
    ),
)
