"""Many inputs at once: folders, archives and tables of them in, a prediction or a reason for each out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from engine.data.reading.litter import is_in_litter
from engine.data.sources.own_archives import is_archive, looked_into
from engine.errors import DataError
from engine.inputs import InputKind
from engine.serving.predictor import Predictor

AT_ONCE, TEXTS_AT_ONCE = 16, 64
TOKENS_AT_ONCE = 2048  # of texts: a larger batch is slower than its texts one by one
IN_MEMORY = 256  # inputs that are prepared before they are sorted by size

Named = tuple[str, Any]  # an input and what it is called


@contextmanager
def gathered(
    paths: Sequence[Path], inputs_in: Callable[[Path], list[Named]], kind: InputKind
) -> Iterator[list[tuple[str, Any]]]:
    """The inputs in files, tables, folders and archives, each with its name; a `DataError` in place of what cannot be read.

    What is in archives is there for as long as the block lasts.
    """
    found: list[tuple[str, Any]] = []
    archives = [path for path in paths if is_archive(path)]
    with _unpacked(archives) as folders:
        for path in paths:
            folder = folders.get(path, path)
            try:
                files = _files(folder, kind) if folder.is_dir() else [folder]
            except OSError as problem:
                found.append((str(path), DataError(f"{path.name} cannot be read ({problem.strerror}).")))
                continue
            if not files:
                found.append((str(path), DataError(f"{path.name} holds no {kind.plural}.")))
            for file in files:
                shown = f"{path}/{file.relative_to(folder)}" if folder != path else str(file)
                try:
                    found += [(name.replace(str(file), shown, 1), source) for name, source in inputs_in(file)]
                except DataError as problem:
                    found.append((shown, problem))
        yield found


def predict_many(predictor: Predictor, inputs: Iterable[Named]) -> Iterator[tuple[str, Any]]:
    """Each input's name with its prediction, or with the `DataError` that says why there is none; in the inputs' order.

    Those of like size go through the network together.
    """
    waiting = iter(inputs)
    while some := list(islice(waiting, IN_MEMORY)):
        answers: dict[int, Any] = {}
        ready: list[tuple[int, Any, torch.Tensor]] = []
        for place, (_, source) in enumerate(some):
            if isinstance(source, DataError):
                answers[place] = source
                continue
            try:
                ready.append((place, *predictor.prepare(source)))
            except DataError as problem:
                answers[place] = problem
        for batch in _batches(predictor, ready):
            logits = predictor.logits(_together(predictor, [tensor for _, _, tensor in batch]))
            for (place, shown, _), row in zip(batch, logits, strict=True):
                answers[place] = predictor.answer(row, shown)
        for place, (name, _) in enumerate(some):
            yield name, answers[place]


def _batches(
    predictor: Predictor, ready: list[tuple[int, Any, torch.Tensor]]
) -> Iterator[list[tuple[int, Any, torch.Tensor]]]:
    """Inputs that can go together: the longest texts first, as many as have so many tokens, or pictures of one size."""
    if predictor.objective.pad:
        ordered = sorted(ready, key=lambda one: -one[2].numel())
        groups = [ordered]
    else:
        shapes: dict[tuple[int, ...], list[tuple[int, Any, torch.Tensor]]] = {}
        for one in ready:
            shapes.setdefault(tuple(one[2].shape), []).append(one)
        groups = list(shapes.values())
    for group in groups:
        start = 0
        while start < len(group):
            longest = group[start][2].numel()
            at_once = max(1, min(TEXTS_AT_ONCE, TOKENS_AT_ONCE // longest)) if predictor.objective.pad else AT_ONCE
            yield group[start : start + at_once]
            start += at_once


def _together(predictor: Predictor, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    pad = predictor.objective.pad
    return pad(inputs, predictor.model) if pad else torch.cat(list(inputs))


def _files(folder: Path, kind: InputKind) -> list[Path]:
    """The files in a folder, at any depth, that may be inputs of this kind."""
    inside = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in kind.suffixes and path.is_file())
    return [path for path in inside if not is_in_litter(path.relative_to(folder).parts)]


@contextmanager
def _unpacked(archives: Sequence[Path]) -> Iterator[dict[Path, Path]]:
    """Each archive's folder, for as long as the block lasts."""
    if not archives:
        yield {}
        return
    with looked_into(archives[0]) as folder, _unpacked(archives[1:]) as others:
        yield {archives[0]: folder, **others}
