"""The kinds of input that models read, as data: what of a stage matters to one, and how a program or a person gives one.

This is the one place that tells pictures from texts for the command line, the page, cards and printed programs. What training
needs of a kind of input is its `Feed`.
"""

from dataclasses import dataclass

from engine.recipe import knob_fields

# The knobs that mean something whatever the input is.
TRAINING_KNOBS = (
    "epochs",
    "train_items",
    "max_lr",
    "batch_size",
    "train_from",
    "pct_start",
    "weight_decay",
    "momentum",
    "precision",
    "clip_norm",
    "ema",
)
NOT_BAD = "Not bad at all!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippets:
    """Lines of Python that differ between kinds of input, with the names of `engine.api` that they need: to look at `data`, to
    look at `predictor`'s mistakes on it, and to give `predictor` something to judge. `{split}` and `{picture}` stand for a
    split's name and a picture's path."""

    look_names: tuple[str, ...]
    look: tuple[str, ...]
    judge_names: tuple[str, ...]
    judge: tuple[str, ...]
    example: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpInput:
    """How one input is sent to a task's HTTP endpoint, where its parameter goes by the kind's name.

    given: what to send, for programs and assistants.
    curl: a shell command that prints a request for an example.
    imports, python: lines before a Python program, and an expression of an example.
    javascript: statements that make an `input` to be sent.
    """

    given: str
    curl: str
    imports: str = ""
    python: str
    javascript: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputKind:
    """One kind of input.

    name, plural: what one is called, and several.
    size_knob: the knob that says how large an input is.
    knobs: those of a stage's knobs that mean something to this kind.
    channels: how many numbers stand at each place of an input that pretrained bodies know.
    suffixes: how the files are called, in a folder of them, that hold inputs.
    example: what a card's program lets a model judge.
    onnx_inputs, onnx_shape: what an exported model is given, and its shape and type, with `{channels}` to be filled in.
    """

    name: str
    plural: str
    size_knob: str
    knobs: tuple[str, ...]
    channels: int
    suffixes: frozenset[str]
    example: str
    onnx_inputs: tuple[str, ...]
    onnx_shape: str
    http: HttpInput
    snippets: Snippets

    @property
    def unit(self) -> str:
        """What an input's size is counted in."""
        return dict(knob_fields())[self.size_knob].unit


PICTURE = InputKind(
    name="picture",
    plural="pictures",
    size_knob="image_size",
    knobs=(*TRAINING_KNOBS, "image_size", "augmentation"),
    channels=3,
    suffixes=frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}),
    example="picture.jpg",
    onnx_inputs=("pictures",),
    onnx_shape="(B, {channels}, H, W) uint8",
    http=HttpInput(
        given="The file's bytes as base64.",
        # By a pipe: an argument has no room for a picture.
        curl=r"""{ printf '{"data": ["'; base64 < picture.jpg; printf '", ""]}'; } | tr -d '\n'""",
        imports="import base64\n",
        python='base64.b64encode(open("picture.jpg", "rb").read()).decode()',
        javascript="const bytes = new Uint8Array(await file.arrayBuffer());  // a File from an <input>\n"
        'const input = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));\n',
    ),
    snippets=Snippets(
        look_names=("show_augmented", "show_samples"),
        look=(
            'for sample in show_samples(data, split="valid", count=3):',
            "    print(sample.name, sample.picture.shape, sample.target.shape)",
            "for sample in show_augmented(data, stage, index=0, count=3, seed=0):",
            "    print(sample.name, sample.picture.shape)",
        ),
        judge_names=("compare_predictions", "rank_by_loss"),
        judge=(
            "worst = rank_by_loss(predictor, data, split={split})[:4]",
            "for case in compare_predictions(predictor, data, [item for item, loss in worst]):",
            "    print(case.name, case.loss, case.prediction.in_words())",
        ),
        example=(
            "picture = {picture}  # or one of your own",
            "prediction = predictor.predict(picture)",
        ),
    ),
)
TEXT = InputKind(
    name="text",
    plural="texts",
    size_knob="text_length",
    knobs=(*TRAINING_KNOBS, "text_length", "drop_mult"),
    channels=1,
    suffixes=frozenset({".txt", ".text", ".md", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"}),
    example="I liked this movie because of its ending.",
    onnx_inputs=("input_ids", "attention_mask"),
    onnx_shape="(B, T) int64",
    http=HttpInput(
        given="What to judge.",
        curl=f"""echo '{{"data": ["{NOT_BAD}", ""]}}'""",
        python=f'"{NOT_BAD}"',
        javascript=f'const input = "{NOT_BAD}";\n',
    ),
    snippets=Snippets(
        look_names=("tokenize",),
        look=(
            "for item in data.valid[:3]:",
            "    (text,) = data.texts([item])",
            "    print(data.label(item), tokenize(text)[:20])",
        ),
        judge_names=("rank_by_loss",),
        judge=(
            "for item, loss in rank_by_loss(predictor, data, split={split})[:4]:",
            "    (text,) = data.texts([item])",
            "    print(data.label(item), loss, predictor.predict(text).in_words(), text[:200])",
        ),
        example=(
            'prediction = predictor.predict("I liked this movie because it made me laugh.")  # or a text of your own',
        ),
    ),
)
