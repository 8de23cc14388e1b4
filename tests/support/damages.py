"""Ways to damage a model bundle, as data: what `engine` has to refuse, and what it may shrug off.

A damage is done to a folder of its own. `said` is a pattern that the refusal must have: the file or the field that is wrong.
"""

import gzip
import json
import os
import pickle
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file

from engine.bundle.files import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, OURS
from engine.data.texts.word_rules import SPECIALS
from engine.library.card import CARD_FILE
from engine.library.history import TRAINING_FILE

Kind = Literal["mask", "tags", "bert", "awd"]
KINDS: tuple[Kind, ...] = ("mask", "tags", "bert", "awd")
TOKENIZER, SETTINGS, WORDS = "tokenizer.json", "tokenizer_config.json", "words.json"
DEEP, MANY = 100_000, 20_000_000
WAYS_OUT = ("../../etc", "/etc/passwd", "a\nb", "a\0b", "\ud800")


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to a sound bundle of a kind, under a name, and what the refusal says."""

    kind: Kind
    name: str
    do: Callable[[Path], object]
    said: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def damages() -> list[Damage]:
    """All that must be refused."""
    return list(
        chain(
            cut_files(),
            header_lengths(),
            headers(),
            entries(),
            number_types(),
            other_tensors(),
            numbers_that_are_none(),
            other_files(),
            configs(),
            our_fields(),
            sizes_of_text_models(),
            tokenizers(),
            word_lists(),
        )
    )


# Files


def content(file: str, written: bytes | str, *, times: int = 0) -> Callable[[Path], object]:
    """Write a file; with `times` it is a list of so many empty ones, begun by `written`."""
    written = written.encode() if isinstance(written, str) else written
    return lambda folder: (folder / file).write_bytes(written + b"[]," * times + b"[]]" * bool(times))


def cut(file: str, share: float) -> Callable[[Path], object]:
    """Keep this share of a file, and never all of it."""

    def do(folder: Path) -> None:
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes(whole[: min(int(share * len(whole)), len(whole.rstrip()) - 1)])

    return do


def as_folder(file: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / file).unlink(missing_ok=True), (folder / file).mkdir()]


def cut_files() -> Iterator[Damage]:
    draw = random.Random(1)
    for kind, file, times in (
        *((kind, MODEL_FILE, 12) for kind in KINDS),
        *((kind, CONFIG_FILE, 4) for kind in KINDS),
        ("bert", TOKENIZER, 6),
        ("bert", SETTINGS, 4),
        ("awd", WORDS, 6),
    ):
        # Most headers are short: a third of the cuts falls into the first hundredth.
        for share in (0.0, 1.0, *(draw.random() ** draw.choice((1, 1, 3)) for _ in range(times - 2))):
            said = "tokenizer" if file in (TOKENIZER, SETTINGS, WORDS) else re.escape(file)
            yield Damage(kind, f"{file} cut at {share:.6f}", cut(file, share), said)


def other_files() -> Iterator[Damage]:
    """Something else in the place of the weights, or of another file."""

    class Harmful:
        def __reduce__(self):
            return Path.touch, (Path("harm"),)

    def packed(folder: Path) -> None:
        torch.save(tensors_of(folder), folder / MODEL_FILE)

    def linked(file: str, target: str) -> Callable[[Path], object]:
        return lambda folder: [(folder / file).unlink(missing_ok=True), (folder / file).symlink_to(target)]

    def moved_out(file: str) -> Callable[[Path], object]:
        """A sound file, of which the bundle has but a link."""

        def do(folder: Path) -> None:
            shutil.move(folder / file, folder.parent / file)
            (folder / file).symlink_to(folder.parent / file)

        return do

    def pipe(file: str) -> Callable[[Path], object]:
        return lambda folder: [(folder / file).unlink(missing_ok=True), os.mkfifo(folder / file)]

    names = r"model\.safetensors"
    lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 11142668\n"
    for name, do in {
        "a pickle": content(MODEL_FILE, pickle.dumps(Harmful())),
        "a torch file": packed,
        "a gzip": lambda folder: (folder / MODEL_FILE).write_bytes(
            gzip.compress((folder / MODEL_FILE).read_bytes(), 1)
        ),
        "one byte": content(MODEL_FILE, b"\1"),
        "zeros": content(MODEL_FILE, bytes(1000)),
        "a page": content(MODEL_FILE, "<!DOCTYPE html><html><body>Not found</body></html>"),
        "a pointer of git": content(MODEL_FILE, lfs),
        "a folder": as_folder(MODEL_FILE),
        "nothing": lambda folder: (folder / MODEL_FILE).unlink(),
        "a link to nothing": linked(MODEL_FILE, "nothing"),
        "a link to itself": linked(MODEL_FILE, MODEL_FILE),
        "a link to /etc/passwd": linked(MODEL_FILE, "/etc/passwd"),
        "a link to /dev/zero": linked(MODEL_FILE, "/dev/zero"),
        "a link out of the bundle": moved_out(MODEL_FILE),
        "a pipe": pipe(MODEL_FILE),
    }.items():
        yield Damage("mask", f"{name} as weights", do, names)
    for kind, file in (("tags", CONFIG_FILE), ("bert", TOKENIZER), ("bert", SETTINGS), ("awd", WORDS)):
        said = re.escape(file) if file != SETTINGS else "tokenizer"
        if file != SETTINGS:  # a tokenizer can do without
            yield Damage(kind, f"a folder as {file}", as_folder(file), said)
            yield Damage(kind, f"a link to nothing as {file}", linked(file, "nothing"), said)
            yield Damage(kind, f"no {file}", lambda folder, file=file: (folder / file).unlink(), said)
        yield Damage(kind, f"a link to /etc/passwd as {file}", linked(file, "/etc/passwd"), said)
        yield Damage(kind, f"a link out of the bundle as {file}", moved_out(file), re.escape(file))
    yield Damage("mask", "figures that lie elsewhere", moved_out(EVALUATION_FILE), "evaluation")
    yield Damage("mask", "a pipe as figures", pipe(EVALUATION_FILE), "evaluation")
    yield Damage("mask", "a link to all files", linked("more", "/"), "more")


# Weights


def harmless() -> Iterator[Damage]:
    """What a bundle may have without harm: files that are only shown, and names that are nothing but names."""
    huge: dict[str, bytes | str] = {
        "empty": "",
        "cut": '{"metrics": {"f2": 0.',
        "a list": "[1]",
        "deep": "[" * DEEP,
        "no UTF-8": b'{"a": "\xff"}',
        "a pickle": pickle.dumps({"epochs": []}),
    }
    for name, text in huge.items():
        yield Damage("awd", f"figures that are {name}", content(EVALUATION_FILE, text), EVALUATION_FILE)
        yield Damage("awd", f"a history that is {name}", content(TRAINING_FILE, text), TRAINING_FILE)
        yield Damage("awd", f"a card that is {name}", content(CARD_FILE, text))
    for file in (EVALUATION_FILE, TRAINING_FILE):
        yield Damage("awd", f"{file} of 60 MB", content(file, "[", times=MANY), file)
        yield Damage("awd", f"a folder as {file}", as_folder(file), file)
    row = {"stage": 0, "stage_name": "full", "epoch": 1, "global_step": 8, "train_loss": 1.0, "valid_loss": 1.0}
    told = {"epochs": [row | {"metrics": {"f2": 0.5}, "seconds": 1.0}], "train_items": 8, "valid_items": 2}
    whole = told | {"device_name": "a CPU", "seconds": 1.0}
    many = {f"figure {number}": 0.5 for number in range(4000)}
    for changes in (
        *({"epochs": value} for value in ([], {}, 7, None, [7], [row], "x", [row | {"metrics": 7, "seconds": 1}])),
        *({"train_items": value} for value in (None, "many", [8], float("inf"), float("nan"))),
        *({"seconds": value} for value in (None, "long", 10**400)),
        {"device_name": "\ud800"},
        {"epochs": [row | {"metrics": many, "seconds": 1.0}]},
        {"epochs": [row | {"metrics": {}, "seconds": 1.0, "epoch": 1e300}]},
        {"epochs": [row | {"metrics": {}, "seconds": 1.0}] * 5001},
    ):
        do = content(TRAINING_FILE, json.dumps(whole | changes))
        parts = str(changes)
        told = parts if len(parts) < 60 else f"{parts[:60]} … of {len(parts)}"
        yield Damage("awd", f"a history with {told!r}", do, TRAINING_FILE)
    half = content(EVALUATION_FILE, json.dumps({"metrics": {"accuracy": 0.5}, "words": ["\ud800"]}))
    yield Damage("awd", "figures with half a character", half, EVALUATION_FILE)
    for way in WAYS_OUT[:2]:
        yield Damage("tags", f"a class called {way!r}", ours(classes=["clear", "cloudy", way]))
        yield Damage("tags", f"a dataset called {way!r}", ours(dataset=way))
        yield Damage("awd", f"a remark that is {way!r}", ours(remarks=[way]))
        yield Damage("bert", f"a backbone called {way!r}", ours(backbone=way))
        do = started(lambda own, way=way: [own | {"task": way, "objective": way, "dataset": way}] * 8)
        yield Damage("awd", f"starts called {way!r}", do)
    yield Damage("tags", "figures that are no numbers", ours(metrics={"f2": float("nan"), "loss": float("inf")}))
    for file, changes in (
        (SETTINGS, {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]}, "tokenizer_class": "Evil"}),
        (SETTINGS, {"auto_map": {"AutoTokenizer": "nobody/evil--evil.Tokenizer"}}),
        (SETTINGS, {"init_inputs": ["/etc/passwd"]}),
        (SETTINGS, {"chat_template": "{{ ''.__class__ }}"}),
        (CONFIG_FILE, {"auto_map": {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Model"}}),
        (CONFIG_FILE, {"attn_implementation": "nobody/evil", "_attn_implementation": "nobody/evil"}),
        (CONFIG_FILE, {"_name_or_path": "../../etc", "architectures": ["Evil"], "evil": [1, 2]}),
    ):
        yield Damage("bert", f"{file} with {', '.join(changes)}", with_code(in_json(file, lambda v, c=changes: v | c)))
    half = in_json(WORDS, lambda words: [*words[:-1], "\ud800"])
    yield Damage("awd", "words with half a character", half)


def with_code(do: Callable[[Path], object]) -> Callable[[Path], object]:
    """The same with a program beside that must not run."""
    program = f"import pathlib\npathlib.Path({'harm'!r}).touch()\nraise SystemExit\n"
    return lambda folder: [do(folder), (folder / "evil.py").write_text(program)]


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Copies: safetensors maps the file itself into memory, which is about to change."""
    return {name: tensor.clone() for name, tensor in load_file(folder / MODEL_FILE).items()}


def with_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def do(folder: Path) -> None:
        tensors = tensors_of(folder)
        change(tensors)
        save_file(tensors, folder / MODEL_FILE, metadata={"format": "pt"})

    return do


def with_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], object]:
    """Write the head of the weights anew, with what `change` does to it or returns; the numbers stay."""

    def do(folder: Path) -> None:
        raw = (folder / MODEL_FILE).read_bytes()
        end = 8 + int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8:end])
        changed = change(header)
        changed = header if changed is None else changed
        written = changed if isinstance(changed, bytes) else json.dumps(changed).encode("utf-8", "surrogatepass")
        (folder / MODEL_FILE).write_bytes(len(written).to_bytes(8, "little") + written + raw[end:])

    return do


def header_lengths() -> Iterator[Damage]:
    def lie(length: Callable[[int, int], int]) -> Callable[[Path], object]:
        def do(folder: Path) -> None:
            raw = (folder / MODEL_FILE).read_bytes()
            told = length(int.from_bytes(raw[:8], "little"), len(raw))
            (folder / MODEL_FILE).write_bytes(told.to_bytes(8, "little") + raw[8:])

        return do

    for name, length in {
        "0": lambda true, size: 0,
        "1": lambda true, size: 1,
        "one less": lambda true, size: true - 1,
        "one more": lambda true, size: true + 1,
        "half": lambda true, size: true // 2,
        "all that is there": lambda true, size: size - 8,
        "one more than is there": lambda true, size: size - 7,
        "just allowed": lambda true, size: 100_000_000,
        "2**32": lambda true, size: 2**32,
        "2**63": lambda true, size: 2**63,
        "2**64-1": lambda true, size: 2**64 - 1,
    }.items():
        yield Damage("awd", f"a header that is said to be long: {name}", lie(length), r"model\.safetensors")


def headers() -> Iterator[Damage]:
    def twice(header: dict[str, Any]) -> bytes:
        written = json.dumps(header)
        return (written[:-1] + ", " + written[1:]).encode()

    def many(header: dict[str, Any]) -> bytes:
        """As many tensors of nothing as a reader takes."""
        one = '"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
        return ("{" + ",".join(one % number for number in range(1_500_000)) + "}").encode()

    for name, change in {
        "no JSON": lambda header: b"x" * 100,
        "empty": lambda header: {},
        "a list": lambda header: [],
        "null": lambda header: b"null",
        "a text": lambda header: b'"header"',
        "deep lists": lambda header: b"[" * DEEP,
        "deep objects": lambda header: b'{"a":' * DEEP,
        "deep and whole": lambda header: b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
        "no UTF-8": lambda header: json.dumps(header).encode().replace(b"encoder", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9"),
        "half a character": lambda header: json.dumps(header).encode().replace(b"encoder", rb"\ud800e"),
        "cut": lambda header: json.dumps(header).encode()[:-1],
        "not alone": lambda header: json.dumps(header).encode() + b"{}",
        "every tensor twice": twice,
        "remarks that are no texts": lambda header: header.update(__metadata__={"format": 1}),
        "deep remarks": lambda header: json.dumps(header).encode().replace(b'"pt"', b"[" * DEEP),
        "remarks that are a list": lambda header: header.update(__metadata__=[]),
        "60 MB of spaces": lambda header: json.dumps(header).encode() + b" " * 60_000_000,
        "a million tensors": many,
    }.items():
        yield Damage("awd", f"a header that is {name}", with_header(change), r"model\.safetensors")


def entries() -> Iterator[Damage]:
    """One tensor of the header with other offsets, or another shape."""
    name = "encoder.lstms.0.bias_ih"  # (96,)

    def entry(**changes: Any) -> Callable[[Path], object]:
        return with_header(lambda header: header[name].update(changes))

    def offsets(change: Callable[[int, int], Any]) -> Callable[[Path], object]:
        return with_header(lambda header: header[name].update(data_offsets=change(*header[name]["data_offsets"])))

    for told, do in {
        "at another's place": offsets(lambda begin, end: [0, end - begin]),
        "one byte too far": offsets(lambda begin, end: [begin + 1, end + 1]),
        "one byte too long": offsets(lambda begin, end: [begin, end + 1]),
        "one byte too short": offsets(lambda begin, end: [begin, end - 1]),
        "of no bytes": offsets(lambda begin, end: [begin, begin]),
        "the wrong way round": offsets(lambda begin, end: [end, begin]),
        "before the beginning": offsets(lambda begin, end: [-begin, end]),
        "behind the end": offsets(lambda begin, end: [begin + 10**9, end + 10**9]),
        "at 2**63": offsets(lambda begin, end: [2**63, 2**63 + end - begin]),
        "at 2**64": offsets(lambda begin, end: [2**64, 2**64 + end - begin]),
        "at no whole number": offsets(lambda begin, end: [begin + 0.5, end + 0.5]),
        "at a text": offsets(lambda begin, end: [str(begin), str(end)]),
        "with one offset": offsets(lambda begin, end: [begin]),
        "with three offsets": offsets(lambda begin, end: [begin, end, end]),
        "without offsets": with_header(lambda header: header[name].pop("data_offsets")),
        "of giant shape": entry(shape=[10**9, 10**9]),
        "of a shape that no number holds": entry(shape=[2**32, 2**32, 2**32]),
        "of a shape beyond numbers": entry(shape=[10**30]),
        "of negative shape": entry(shape=[-96]),
        "of twice negative shape": entry(shape=[-8, -12]),
        "of broken shape": entry(shape=[95.5]),
        "of a shape in words": entry(shape="96"),
        "of shape in a shape": entry(shape=[[96]]),
        "of no shape": entry(shape=[]),
        "without shape": with_header(lambda header: header[name].pop("shape")),
        "of another shape": entry(shape=[8, 12]),
        "of one dimension more": entry(shape=[96, 1]),
        "of a thousand dimensions": entry(shape=[96, *[1] * 1000]),
        "with more to say": entry(path="../../etc/passwd", shape=[97]),
    }.items():
        yield Damage("awd", f"a tensor {told}", do, r"model\.safetensors")


def number_types() -> Iterator[Damage]:
    name = "encoder.lstms.0.bias_ih"
    for dtype in ("I8", "U8", "BOOL", "F64", "F16", "I64", "F8_E4M3", "C64", "F4", "X", "f32", "", None, 7, ["F32"]):
        do = with_header(lambda header, dtype=dtype: header[name].update(dtype=dtype))
        yield Damage("awd", f"a tensor said to be {dtype!r}", do, r"model\.safetensors")
    for dtype in (
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.float64,
        torch.int32,
        torch.complex64,
        torch.float8_e4m3fn,
    ):
        do = with_tensors(lambda tensors, dtype=dtype: tensors.update({name: tensors[name].to(dtype)}))
        yield Damage("awd", f"a tensor that is {dtype}", do, f"{re.escape(name)} in .*numbers of type")
    yield Damage(
        "mask",
        "all tensors in double precision",
        with_tensors(lambda tensors: tensors.update({name: tensor.double() for name, tensor in tensors.items()})),
        "numbers of type F64",
    )


def other_tensors() -> Iterator[Damage]:
    def turned(tensors: dict[str, torch.Tensor]) -> None:
        name = max(tensors, key=lambda name: tensors[name].numel())
        tensors[name] = tensors[name].transpose(0, 1).contiguous()

    def swapped(tensors: dict[str, torch.Tensor]) -> None:
        first, last = max(tensors, key=lambda name: tensors[name].numel()), min(tensors, key=len)
        tensors[first], tensors[last] = tensors[last], tensors[first]

    changes: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
        "one missing": lambda tensors: tensors.pop(max(tensors)),
        "one too many": lambda tensors: tensors.update(extra=torch.zeros(1)),
        "one renamed": lambda tensors: tensors.update(renamed=tensors.pop(max(tensors))),
        "one turned": turned,
        "two swapped": swapped,
    }
    for kind in KINDS:
        for name, change in changes.items():
            yield Damage(kind, f"tensors with {name}", with_tensors(change), r"model\.safetensors")
    for name in ("../../x", "x" * 1_000_000, "a\nb", ""):
        do = with_tensors(lambda tensors, name=name: tensors.update({name: torch.zeros(1)}))
        yield Damage("tags", f"a tensor called {name[:20]!r}", do, r"model\.safetensors")
    for kind in ("mask", "awd"):
        yield Damage(kind, "no tensors", with_tensors(dict.clear), r"model\.safetensors")
    one_more = with_tensors(lambda tensors: tensors.update({"head.bias": torch.zeros(4)}))
    yield Damage("mask", "a head for one class more", one_more, r"head\.bias in .*model\.safetensors")


def numbers_that_are_none() -> Iterator[Damage]:
    def spoil(tensors: dict[str, torch.Tensor], value: float, *, at: slice, half: bool = False) -> None:
        name = sorted(name for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.ndim > 1)[-1]
        tensors[name] = tensors[name].half() if half else tensors[name]
        tensors[name].flatten()[at] = value

    for kind in KINDS:
        for value in ("nan", "inf", "-inf"):
            do = with_tensors(lambda tensors, value=value: spoil(tensors, float(value), at=slice(-1, None)))
            yield Damage(kind, f"one number is {value}", do, r"in .*model\.safetensors .* finite")
    all_of_it = with_tensors(lambda tensors: spoil(tensors, float("nan"), at=slice(None)))
    yield Damage("mask", "a tensor of nan", all_of_it, r"in .*model\.safetensors .* finite")
    halved = with_tensors(lambda tensors: spoil(tensors, float("inf"), at=slice(0, 1), half=True))
    yield Damage("tags", "an infinite number in half precision", halved, r"in .*model\.safetensors .* finite")


# Configs


def ours(**changes: Any) -> Callable[[Path], object]:
    """Change fields of our part of the config."""

    def do(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text())
        (folder / CONFIG_FILE).write_text(json.dumps(config | {OURS: config[OURS] | changes}))

    return do


def in_stage(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: ours(stage=json.loads((folder / CONFIG_FILE).read_text())[OURS]["stage"] | changes)(folder)


def in_recipe(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: ours(recipe=json.loads((folder / CONFIG_FILE).read_text())[OURS]["recipe"] | changes)(folder)


def started(change: Callable[[dict[str, Any]], list[Any]]) -> Callable[[Path], object]:
    """Give the config starts: what `change` makes of its own training, which would do."""

    def do(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text())[OURS]
        ours(starts=change({name: config[name] for name in ("task", "objective", "dataset", "recipe", "seed")}))(folder)

    return do


def replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    """The text of a file with another one in a place."""

    def do(folder: Path) -> None:
        written = (folder / file).read_text()
        assert old in written
        (folder / file).write_text(written.replace(old, new, 1))

    return do


def configs() -> Iterator[Damage]:
    written: dict[str, bytes | str] = {
        "no JSON": "a model",
        "a list": "[1, 2]",
        "null": "null",
        "a number": "1e999",
        "zeros": bytes(100),
        "no UTF-8": b'{"lesson_lab": "\xff"}',
        "UTF-16": '{"lesson_lab": {}}'.encode("utf-16"),
        "a pickle": pickle.dumps({OURS: {}}),
        "a list of ours": '{"lesson_lab": []}',
        "none of ours": '{"lesson_lab": null}',
        "nothing of ours": '{"lesson_lab": {}}',
        "deep lists": "[" * DEEP,
        "deep objects": '{"a":' * DEEP,
        "deep and whole": '{"lesson_lab": ' + "[" * DEEP + "]" * DEEP + "}",
        "an endless number": '{"lesson_lab": {"format": ' + "9" * 5000 + "}}",
        "2 MB": '{"lesson_lab": {"format": 2, "note": "' + "x" * 2_000_000 + '"}}',
    }
    for name, text in written.items():
        yield Damage("mask", f"a config that is {name}", content(CONFIG_FILE, text), r"config\.json")
    deep = replaced(CONFIG_FILE, '"remarks": []', '"remarks": ' + "[" * DEEP + "]" * DEEP)
    yield Damage("tags", "a deep field in a sound config", deep, r"config\.json")
    yield Damage("tags", "an unknown field", ours(extra=1), r"config\.json has a field 'extra'")
    yield Damage("tags", "an unknown field with a long name", ours(**{"x" * 1000: 1}), r"config\.json has a field 'xxx")
    for format_ in (0, 3, -1, "2", None, 10**400, [2], {}):
        yield Damage("tags", f"format {str(format_)[:9]!r}", ours(format=format_), r"config\.json has format")


def our_fields() -> Iterator[Damage]:
    """Fields of ours with values that cannot be."""
    huge, infinite = 10**400, float("inf")
    many = {f"figure {number}": 0.5 for number in range(4000)}
    fields: dict[str, tuple[Any, ...]] = {
        "task": (None, 7, [], "", "weather", "Planet", "x" * 10_000, *WAYS_OUT),
        "objective": (None, 7, {}, "weather", "x" * 10_000, *WAYS_OUT),
        "backbone": (None, 7, ["resnet18"], "", "resnet43", "resnet18", "hf-hub:nobody/resnet18", *WAYS_OUT),
        "classes": (None, "abc", [], ["a"], ["a", "a"], [1, 2, 3], [["a"], "b"], {"a": 1}, ["a", "b" * 10_000]),
        "channels": (0, -1, 2, 17, 10**9, huge, 3.0, "3", True, None, infinite, [3]),
        "new_channels": ("", "zero", 7, None, ["zeros"], {}),
        "metrics": (None, [0.5], "high", {"f2": "high"}, {"f2": None}, {"f2": [1]}, {"f2": huge}, many, {"x" * 200: 1}),
        "decision": (
            None,
            0.2,
            {"threshold": "high"},
            {"threshold": infinite},
            {"threshold": huge},
            {"threshold": [1]},
            many,
            {"x" * 200: 1},
        ),
        "remarks": (None, "x", [7], ["x" * 500], ["x"] * 20, ["\ud800"]),
        "seed": (None, "1", 1.5, True, [1], huge),
        "dataset": (None, 7, ["drawn"], "\ud800"),
        "stage": (None, 7, [], "x", {"image_size": 0}, {"nothing": 1}),
        "recipe": (None, [], {}, {"name": "x", "backbone": "y", "stages": [7]}),
        "starts": (None, 7, "x", {}, [7], [{}], [["task"]], [None], ["\ud800"], json.loads("[" * 900 + "]" * 900)),
    }
    for field, values in fields.items():
        for value in values:
            # A model that cannot be built names the value, and a value that no field may have is told of the whole file.
            yield Damage(
                "tags", f"{field} is {repr(value)[:40]}", ours(**{field: value}), rf"{field}|config\.json|model\."
            )
    for way in WAYS_OUT[2:]:
        classes = ["clear", "cloudy", way]
        yield Damage("tags", f"a class called {way!r}", ours(classes=classes), r"classes|config\.json")
        yield Damage("mask", f"a dataset called {way!r}", ours(dataset=way), r"dataset|config\.json")
    for knob, values in {
        "name": (None, 7, ["tiny"], {"a": 1}, "x" * 201),
        "image_size": (10**9, huge, -32, 31.5, "32", None, infinite, [32, 32], True),
        "batch_size": (0, 10**9, huge),
        "text_length": (0, 10**12),
        "epochs": (0, 10**9),
        "max_lr": (huge, -1, [1, 2, 3], [huge, 1], "1e-3", float("nan")),
        "momentum": (0.9, [0.9], [0.9, huge]),
        "precision": ("fp64", 32, ["fp32"]),
    }.items():
        for value in values:
            yield Damage(
                "mask", f"{knob} is {str(value)[:20]!r}", in_stage(**{knob: value}), r"stage in .*config\.json"
            )
    for field, values in {
        "task": (None, 7, "x" * 200, "a\nb"),
        "objective": (None, [], "x" * 200, "a\nb"),
        "dataset": (None, 7, ["drawn"], "a\0b"),
        "seed": (None, "1", 1.5, True, huge),
        "recipe": (None, [], {}, "x", {"name": "x", "backbone": "y", "stages": [7]}),
    }.items():
        for value in values:
            do = started(lambda own, field=field, value=value: [own | {field: value}])
            yield Damage(
                "tags", f"a start's {field} is {str(value)[:9]!r}", do, rf"{field} in a start in .*config\.json"
            )
    for name, change in {
        "too many starts": lambda own: [own] * 9,
        "thousands of starts": lambda own: [{}] * 100_000,
        "a start with more to say": lambda own: [own | {"path": "/home/anna"}],
        "a start with a start": lambda own: [own | {"starts": [own]}],
        "a start without a seed": lambda own: [{name: own[name] for name in own if name != "seed"}],
        "a start that is not the first": lambda own: [own, 7],
    }.items():
        yield Damage("tags", name, started(change), r"starts in .*config\.json")
    deep = replaced(CONFIG_FILE, '"remarks": []', '"remarks": [], "starts": ' + "[" * DEEP + "]" * DEEP)
    yield Damage("tags", "deep starts", deep, r"config\.json")
    for field, values in {
        "name": (None, 7, ["x"], "x" * 201),
        "backbone": (None, 7, {}, "x" * 201),
        "stages": (None, [], [[]], 7, "x", [{}] * 200_000),
        "title": ("x" * 900_000,),
        "note": ("x" * 2001,),
        "objective": ("x" * 201,),
        "new_channels": ("x", 7),
    }.items():
        for value in values:
            do = in_recipe(**{field: value})
            told = str(value)[:20]
            yield Damage("mask", f"the recipe's {field} is {told!r}", do, r"recipe in .*config\.json")


# Text models


def library(**changes: Any) -> Callable[[Path], object]:
    """Change what the config says to transformers; None takes a field away."""

    def do(folder: Path) -> None:
        config = json.loads((folder / CONFIG_FILE).read_text()) | changes
        (folder / CONFIG_FILE).write_text(json.dumps({name: value for name, value in config.items() if value != ""}))

    return do


def sizes_of_text_models() -> Iterator[Damage]:
    huge, infinite = 10**400, float("inf")
    fields: dict[str, tuple[Any, ...]] = {
        "vocab_size": (0, -1, 301, 10**12, huge, "302", None, infinite, [302]),
        "hidden_size": (0, -32, 33, 64, 10**9, 10**12, huge, "32", infinite),
        "num_hidden_layers": (0, -1, 2, 4, 201, 10**9, huge, "3", None),
        "num_attention_heads": (0, -1, 3, 10**9, "2", None, 0.5),
        "intermediate_size": (0, -1, 63, 10**12, "64"),
        "max_position_embeddings": (0, -1, 63, 10**12, "64"),
        "type_vocab_size": (0, -2, 3, 10**12),
        "pad_token_id": (302, -303, 10**12, "1", 1.5),
        "hidden_act": ("nothing", 7, None, "../../etc", "__class__"),
        "model_type": ("", "nothing", 7, None, ["bert"], "../../etc", "gpt2", "vit", "mixtral", "custom"),
        "layer_norm_eps": ("small",),
        "dtype": ("float8", "nn", "Tensor", 7),
        "id2label": (7, ["neg", "pos"], {"x": "neg"}),
    }
    for field, values in fields.items():
        for value in values:
            told = rf"{field}|config\.json|model\.safetensors"
            yield Damage("bert", f"{field} is {repr(value)[:20]}", library(**{field: value}), told)
    theirs = {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Model"}
    code = {"model_type": "evil", "auto_map": theirs, "architectures": ["Evil"]}
    yield Damage("bert", "code of its own", library(**code), r"config\.json")
    for name, value in {
        "layers that are told of elsewhere": {"model_type": "qwen3", "num_hidden_layers": 10**9},
        "layers by another name": {"model_type": "gpt2", "n_layer": 10**9},
        "layers of a decoder": {"model_type": "bart", "decoder_layers": 10**9, "encoder_layers": 10**9},
        "groups of layers": {"model_type": "albert", "num_hidden_groups": 10**7, "embedding_size": 32},
        "layers in a group": {"model_type": "albert", "inner_group_num": 10**7, "embedding_size": 32},
        "places that are computed": {"model_type": "distilbert", "sinusoidal_pos_embds": True, "dim": 10**6},
        "deep values": {"task_specific_params": json.loads("[" * 900 + "]" * 900), "vocab_size": 7},
    }.items():
        yield Damage("bert", name, library(**value), r"config\.json|model\.safetensors|tokenizer")
    for way in WAYS_OUT[2:]:
        yield Damage("bert", f"backbone {way!r}", ours(backbone=way), r"backbone|config\.json")
    yield Damage("bert", "a word model by name", ours(backbone="awd-lstm"), "awd-lstm")
    yield Damage(
        "awd", "a text model by name", ours(backbone="bert-base-uncased"), "bert-base-uncased|tokenizer|config"
    )
    yield Damage("awd", "another word model", ours(backbone="awd-lstm-small"), r"model\.safetensors")
    yield Damage("awd", "the aim of another model", ours(objective="language_model"), r"model\.safetensors")
    yield Damage("bert", "the aim of another model", ours(objective="language_model"), r"model\.safetensors")
    yield Damage("bert", "the task of another model", ours(task="camvid", objective="mask"), "timm|backbone|objective")


def in_json(file: str, change: Callable[[Any], Any]) -> Callable[[Path], object]:
    def do(folder: Path) -> None:
        values = json.loads((folder / file).read_text())
        changed = change(values)
        (folder / file).write_text(json.dumps(values if changed is None else changed))

    return do


def tokenizers() -> Iterator[Damage]:
    def numbers(change: Callable[[int], Any]) -> Callable[[dict[str, Any]], None]:
        def do(values: dict[str, Any]) -> None:
            values["model"]["vocab"] = {word: change(number) for word, number in values["model"]["vocab"].items()}

        return do

    def model(**changes: Any) -> Callable[[dict[str, Any]], None]:
        return lambda values: values["model"].update(changes)

    files: dict[str, bytes | str] = {
        "no JSON": "a tokenizer",
        "a list": "[]",
        "null": "null",
        "nothing": "{}",
        "deep lists": "[" * DEEP,
        "deep objects": '{"a":' * DEEP,
        "deep and whole": '{"version": "1.0", "model": ' + "[" * DEEP + "]" * DEEP + "}",
        "a pickle": pickle.dumps({}),
    }
    for name, text in files.items():
        yield Damage("bert", f"a tokenizer that is {name}", content(TOKENIZER, text), "tokenizer")
    yield Damage("bert", "a tokenizer that is 60 MB", content(TOKENIZER, "[", times=MANY), "tokenizer")
    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "of unknown type": model(type="?"),
        "of another type": model(type="BPE"),
        "without type": lambda values: values["model"].pop("type"),
        "without model": lambda values: values.pop("model"),
        "of another version": lambda values: values.update(version="9"),
        "without words": model(vocab={}),
        "with words in a list": model(vocab=["[UNK]", "film"]),
        "with words without numbers": numbers(str),
        "with negative numbers": numbers(lambda number: -number),
        "with broken numbers": numbers(lambda number: number + 0.5),
        "with numbers that are too large": numbers(lambda number: number + 302),
        "with a number that is one too large": numbers(lambda number: 302 if number == 301 else number),
        "with giant numbers": numbers(lambda number: number + 4_000_000_000),
        "with numbers beyond numbers": numbers(lambda number: number + 10**30),
        "with more words": lambda values: values["model"]["vocab"].update({"more": 302, "words": 303}),
        "with added words of no number": lambda values: values["added_tokens"][0].pop("id"),
        "with added words that are none": lambda values: values.update(added_tokens=7),
        "with added words too large": lambda values: values["added_tokens"].append(
            {**values["added_tokens"][0], "id": 400, "content": "film-maker", "special": False}
        ),
        "with an unknown normaliser": lambda values: values.update(normalizer={"type": "Evil"}),
        "with a normaliser that is none": lambda values: values.update(normalizer=7),
        "with a damaged table": lambda values: values.update(
            normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}
        ),
        "with a pattern that is none": lambda values: values.update(
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False}
        ),
        "with an unknown decoder": lambda values: values.update(decoder={"type": "Evil"}),
    }
    for name, change in changes.items():
        yield Damage("bert", f"a tokenizer {name}", in_json(TOKENIZER, change), "tokenizer")
    settings: dict[str, Callable[[dict[str, Any]], Any]] = {
        "a list": lambda values: [],
        "null": lambda values: "x",
        "of a class in Python": lambda values: values.update(tokenizer_class="ByT5Tokenizer"),
        "of a class that needs another file": lambda values: values.update(tokenizer_class="BertJapaneseTokenizer"),
        "of a class that is no text": lambda values: values.update(tokenizer_class=7),
        "a padding that is none": lambda values: values.update(pad_token=["[PAD]"]),
        "a padding that no model knows": lambda values: values.update(pad_token="[NEW]"),
        "no padding": lambda values: values.update(pad_token=None, sep_token=None, eos_token=None),
        "added words that are none": lambda values: values.update(added_tokens_decoder={"x": {}}),
    }
    for name, change in settings.items():
        yield Damage("bert", f"a tokenizer's settings are {name}", in_json(SETTINGS, change), "tokenizer")

    def elsewhere(folder: Path) -> None:
        shutil.copy(folder / TOKENIZER, folder.parent / "tokenizer.4.0.0.json")
        in_json(SETTINGS, lambda values: values.update(fast_tokenizer_files=["../tokenizer.4.0.0.json"]))(folder)

    yield Damage("bert", "a tokenizer that lies elsewhere", elsewhere, "tokenizer_config")
    yield Damage("bert", "a tokenizer's settings are deep", content(SETTINGS, "[" * DEEP), "tokenizer")
    yield Damage("bert", "a tokenizer's settings are 60 MB", content(SETTINGS, "[", times=MANY), "tokenizer")
    yield Damage("bert", "a list of words beside", content(WORDS, json.dumps([*SPECIALS, "film"])), r"words|tokenizer")


def word_lists() -> Iterator[Damage]:
    changes: dict[str, Callable[[list[Any]], Any]] = {
        "empty": lambda words: [],
        "an object": lambda words: {word: number for number, word in enumerate(words)},
        "a text": lambda words: " ".join(words),
        "one short": lambda words: words[:-1],
        "one long": lambda words: [*words, "more"],
        "very long": lambda words: [*words, *(f"w{number}" for number in range(100_000))],
        "too long": lambda words: [*words, *(f"w{number}" for number in range(500_001))],
        "with a word twice": lambda words: [*words[:-1], words[-2]],
        "with a number": lambda words: [*words[:-1], 7],
        "with null": lambda words: [*words[:-1], None],
        "with a list": lambda words: [*words[:-1], ["a"]],
        "without special tokens": lambda words: words[len(SPECIALS) :],
        "in another order": lambda words: words[::-1],
    }
    for name, change in changes.items():
        yield Damage("awd", f"words that are {name}", in_json(WORDS, change), r"words|tokenizer|model\.safetensors")
    files: dict[str, bytes | str] = {
        "no JSON": "words",
        "null": "null",
        "deep": "[" * DEEP,
        "deep and whole": "[" * DEEP + "]" * DEEP,
        "no UTF-8": b'["\xff"]',
        "a pickle": pickle.dumps(["film"]),
    }
    for name, text in files.items():
        yield Damage("awd", f"words that are {name}", content(WORDS, text), r"words|tokenizer")
    yield Damage("awd", "words that are 60 MB", content(WORDS, "[", times=MANY), "words")
