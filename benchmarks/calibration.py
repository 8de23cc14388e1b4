"""How sure the sample models are and how far that can be trusted, before and after calibration; how far off points and numbers.

    LESSON_LAB_MIRROR=… python -m benchmarks.calibration [planet camvid imdb weather heads turns]

Each model judges the whole validation split that its checkpoint was chosen on. A temperature, and for tags a scale and a shift
each beside it (Platt 1999), is fitted on one half and judged on the other, both ways. Beside the expected calibration error (ECE)
stands what chance alone makes of it: that of answers which are drawn to be right with just the probability that they say.
"""

import argparse
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.sources.fetching import fetch
from engine.kinds import calibration
from engine.kinds.calibration import alternating, calibration_error, first_half, reliability, spread
from engine.library.listing import find_model
from engine.serving.predictor import Predictor, load_predictor

TASKS = ("planet", "camvid", "imdb", "weather", "heads", "turns")
DRAWS = 200
NAMES = ("Task", "Answers", "T of the halves", "T", "Log loss", "halves", "ECE", "halves", "by chance, 95 of 100")


def measured(predictor: Predictor, data: Any) -> Any:
    """The objective's metrics, with all that they kept of the validation split."""
    metrics, feed, stage = predictor.objective.build_metrics(data), predictor.objective.feed, predictor.config.stage
    for _ in feed.prepare(data, data.valid, stage, predictor.model):
        pass
    for batch, target in feed.build_loader(data, data.valid, stage, predictor.model, batch_size=8):
        metrics.update(predictor.logits(batch), target)
    return metrics


def by_chance(told: dict[str, Any]) -> tuple[float, float]:
    """The mean error of answers that are right as often as they say, and what 95 of 100 draws stay below."""
    rows, drawing = told["after"], torch.Generator().manual_seed(0)
    counts = torch.tensor([number for _, _, number in rows])
    sure = torch.tensor([sure for sure, _, _ in rows])
    errors = []
    for _ in range(DRAWS):
        shares = torch.binomial(counts.float(), sure.float(), generator=drawing) / counts
        errors.append(((shares - sure).abs() * counts).sum().item() / counts.sum().item())
    return sum(errors) / DRAWS, sorted(errors)[int(0.95 * DRAWS)]


def halves_of(logits: Tensor, wanted: Tensor, half: Tensor, squash: calibration.Squash) -> str:
    """The temperature of each half by itself."""
    return " and ".join(f"{calibration.fit_temperature(logits[own], wanted[own], squash):.3f}" for own in (half, ~half))


def platt_on_halves(logits: Tensor, truth: Tensor, half: Tensor) -> Tensor:
    """The logits (N, C), each half by the scale and the shift that each tag had on the other."""
    moved = logits.double().clone()
    for own in (half, ~half):
        scale, shift = fit_platt(logits[~own].double(), truth[~own].double())
        moved[own] = scale * moved[own] + shift
    return moved


def fit_platt(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """A scale and a shift for each tag (C,), with Platt's softened targets."""
    there = truth.sum(0)
    wanted = truth * (there + 1) / (there + 2) + (1 - truth) / (len(truth) - there + 2)
    scale, shift = torch.ones_like(there, requires_grad=True), torch.zeros_like(there, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = functional.binary_cross_entropy_with_logits(scale * logits + shift, wanted, reduction="sum")
        found.backward()
        return found

    optimizer.step(loss)
    return scale.detach(), shift.detach()


def say_probabilities(task: str, predictor: Predictor, metrics: Any) -> None:
    """A row of the table, and for tags what a scale and a shift a tag would give."""
    told = metrics.details()["calibration"]
    mean, most = by_chance(told)
    if task == "camvid":
        logits, target = metrics.sampled.collected.compute()
        counted = target != 255
        half = first_half(len(target))[:, None].expand_as(target)[counted]
        logits, truth = logits[counted], target[counted]
    else:
        logits, truth = metrics.collected.compute()
        half = alternating(len(truth))
    is_tags = task == "planet"
    squash = torch.sigmoid if is_tags else calibration.softmax
    wanted = truth if is_tags else functional.one_hot(truth.reshape(-1).long(), logits.shape[1])
    cells = (
        f"{sum(number for _, _, number in told['after']):,}",
        halves_of(logits, wanted, half, squash),
        f"{told['tried']:.3f}{'' if told['temperature'] != 1 else ', not kept'}",
        f"{told['loss_before']:.4f}",
        f"{told['loss_after']:.4f}",
        f"{told['error_before']:.2%}",
        f"{told['error_after']:.2%}",
        f"{mean:.2%} ({most:.2%})",
    )
    print(f"| {task} | {' | '.join(cells)} |", flush=True)
    if told.get("sure_share") is not None:
        print(f"    sure from {told['sure_from']:.2f}: {told['sure_share']:.1%}, right {told['sure_right']:.1%}")
    if is_tags:
        moved = platt_on_halves(logits, truth, half)
        loss = calibration.log_loss(moved, truth, torch.sigmoid).mean().item()
        error = calibration_error(reliability(moved.sigmoid().flatten(), truth.flatten() > 0))
        print(f"    a scale and a shift a tag, on halves: log loss {loss:.4f}, ECE {error:.2%}")


def say_spreads(name: str, distances: Tensor) -> None:
    """The distance of 80 in 100 on each half, and how many of the other half are within it: in order, and every other one."""
    for title, half in (("first half", first_half(len(distances))), ("every other", alternating(len(distances)))):
        one, other = distances[half], distances[~half]
        within = [
            f"{(b <= spread(a)).double().mean():.0%} within {spread(a):.1f}" for a, b in ((one, other), (other, one))
        ]
        print(f"    {name}, {len(distances)} judged, {title}: {' and '.join(within)}", flush=True)
    safe = calibration.safe_spread(distances)
    print(f"    {name}: in the decision {safe:.1f}, {(distances <= safe).double().mean():.0%} of all", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    print(f"| {' | '.join(NAMES)} |\n|{'---|' * len(NAMES)}")
    for task in parser.parse_args().tasks:
        predictor = load_predictor(find_model(f"sample-{task}"))
        metrics = measured(predictor, predictor.objective.open_data(fetch(predictor.config.dataset)))
        if task == "heads":
            say_spreads("pixels", metrics.distances())
        elif task == "turns":
            answers, truth = metrics._collected()
            for name, column in zip(predictor.classes, (answers - truth).abs().T, strict=True):
                say_spreads(f"degrees of {name}", column)
        else:
            say_probabilities(task, predictor, metrics)


if __name__ == "__main__":
    main()
