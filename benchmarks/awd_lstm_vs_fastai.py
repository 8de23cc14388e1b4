"""Our AWD-LSTM and text classifier beside fastai's: the same weights, the same words, the same numbers.

    python -m pip install -r benchmarks/requirements.txt
    python -m benchmarks.awd_lstm_vs_fastai

fastai's models in their default sizes give the weights, which `load_fastai_weights` and a copy of the head bring into ours.
Compared are the logits in evaluation mode, of two windows one after the other for the language model, of padded texts for the
classifier, one of them longer than the 1,400 steps that it learns from; and in training mode, where one seed must drop the same
words, features and weights, the losses and the gradients too. fastai 2 gets the lesson's lengths. Exits with an error where
logits differ by more than 1e-5. The time of a training step is for information.

Where the longest text does not end with a window, fastai takes the wrong rows for the last one and can lose a text that begins
there (`SentenceEncoder` counts the texts that have a word at a window's start, but they are not always the first rows). So
batches whose longest text ends with a window are compared as they are, and others text by text.
"""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import sys
import time
from collections.abc import Callable

import torch
from fastai.callback.rnn import RNNRegularizer
from fastai.text.data import pad_chunk
from fastai.text.models.awdlstm import AWD_LSTM
from fastai.text.models.core import get_language_model, get_text_classifier
from torch import Tensor, nn
from torch.nn import functional

from engine.models.awd_lstm import PAD, LanguageModel, regularisation
from engine.models.awd_lstm_weights import load_fastai_weights
from engine.models.text_classifier import MAX_LENGTH, WINDOW, TextClassifier

VOCABULARY = [f"word{index}" for index in range(1000)]
CLASSES = 2
BATCH, STEPS = 8, 70
# Longest first, as fastai's loaders sort them.
LENGTHS = [22 * WINDOW, 900, 400, 144, 72, 9]
ODD_LENGTHS = [1600, 900, 400, 144, 72, 9]
TOLERANCE = 1e-5
ROUNDS = 3


def words(*shape: int) -> Tensor:
    return torch.randint(PAD + 1, len(VOCABULARY), shape)


def distance(ours: Tensor, theirs: Tensor) -> float:
    return (ours - theirs).abs().max().item()


def language_models() -> tuple[LanguageModel, nn.Module]:
    theirs = get_language_model(AWD_LSTM, len(VOCABULARY))
    nn.init.normal_(theirs[1].decoder.bias)  # zeros would hide a bias that was not copied
    ours = LanguageModel(len(VOCABULARY))
    load_fastai_weights(ours, theirs.state_dict(), VOCABULARY, VOCABULARY)
    return ours, theirs


def classifiers() -> tuple[TextClassifier, nn.Module]:
    theirs = get_text_classifier(AWD_LSTM, len(VOCABULARY), CLASSES, seq_len=WINDOW, max_len=MAX_LENGTH)
    with torch.no_grad():
        theirs(padded([40, 30, 20]))  # moves the norms' statistics away from those of nothing seen
    encoder = {
        name.replace("0.module.", "0.", 1): tensor
        for name, tensor in theirs.state_dict().items()
        if name.startswith("0.")
    }
    ours = TextClassifier(len(VOCABULARY), CLASSES)
    load_fastai_weights(ours, encoder, VOCABULARY, VOCABULARY)
    for own, other in zip(ours.head.state_dict().values(), theirs[1].state_dict().values(), strict=True):
        own.copy_(other)
    return ours, theirs


def padded(lengths: list[int]) -> Tensor:
    most = max(lengths)
    return torch.stack([pad_chunk(words(length), pad_idx=PAD, seq_len=WINDOW, pad_len=most) for length in lengths])


def their_regularisation(raw: Tensor, dropped: Tensor) -> Tensor:
    """What fastai's callback adds to a loss of zero."""

    class Learner:
        loss_grad = torch.zeros(())

    class Outputs:
        out, raw_out = dropped, raw

    callback = RNNRegularizer(alpha=2.0, beta=1.0)
    callback.learn, callback.rnn, callback.training = Learner, Outputs, True
    callback.after_loss()
    return Learner.loss_grad


def our_language_loss(model: LanguageModel, inputs: Tensor, targets: Tensor) -> Tensor:
    output = model(inputs)
    return functional.cross_entropy(output.logits.flatten(0, 1), targets.flatten()) + regularisation(output)


def their_language_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    logits, raw, dropped = model(inputs)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()) + their_regularisation(raw, dropped)


def trained(model: nn.Module, loss_of: Callable[[], Tensor]) -> tuple[float, Tensor, float]:
    """A training step without the optimiser: the loss, the gradient of the word vectors, the seconds."""
    torch.manual_seed(7)
    model.zero_grad()
    started = time.perf_counter()
    loss = loss_of()
    loss.backward()
    seconds = time.perf_counter() - started
    gradient = next(p.grad for p in model.parameters() if p.shape[0] == len(VOCABULARY) and p.ndim == 2)
    assert gradient is not None
    return loss.item(), gradient.clone(), seconds


def compare_training(name: str, ours: nn.Module, theirs: nn.Module, our_loss: Callable, their_loss: Callable) -> None:
    """Prints how far the two are apart in training with one seed, and the best times of a step, taken in turn."""
    runs = []
    for _ in range(ROUNDS):
        for model in (ours, theirs):
            model.train()
            if isinstance(reset := getattr(model, "reset", None), Callable):
                reset()
        runs.append((trained(ours, our_loss), trained(theirs, their_loss)))
    (loss, gradient, _), (their_value, their_gradient, _) = runs[0]
    seconds, their_seconds = (min(run[side][2] for run in runs) for side in (0, 1))
    print(
        f"{name}, training with one seed: losses {loss:.6f} and {their_value:.6f}, gradients of the word vectors apart by "
        f"{distance(gradient, their_gradient):.1e} (largest {their_gradient.abs().max():.1e}); "
        f"a step takes {seconds:.2f} s, fastai's {their_seconds:.2f} s: {seconds / their_seconds:.2f} times"
    )


def compare_language_models() -> float:
    """Prints the comparison in training; the largest difference of logits in evaluation."""
    ours, theirs = language_models()
    for model in (ours, theirs):
        model.eval()
    with torch.inference_mode():
        windows = [words(BATCH, STEPS) for _ in range(2)]
        apart = max(distance(ours(window).logits, theirs(window)[0]) for window in windows)
    inputs, targets = words(BATCH, STEPS), words(BATCH, STEPS)
    compare_training(
        "language model",
        ours,
        theirs,
        lambda: our_language_loss(ours, inputs, targets),
        lambda: their_language_loss(theirs, inputs, targets),
    )
    return apart


def compare_classifiers() -> tuple[float, float]:
    """The same: of a batch, and of another batch from what fastai says of each text by itself."""
    ours, theirs = classifiers()
    for model in (ours, theirs):
        model.eval()
    with torch.inference_mode():
        texts = padded(LENGTHS)
        apart = distance(ours(texts), theirs(texts)[0])
        texts = padded(ODD_LENGTHS)
        alone = torch.cat([theirs(text[text != PAD][None])[0] for text in texts])
        apart_alone = distance(ours(texts), alone)
        print(
            f"fastai's own batch, its longest text not ending with a window: {distance(theirs(texts)[0], alone):.1e} off"
        )
    texts, labels = padded([3 * WINDOW, 150, 80, 70]), torch.tensor([0, 1, 1, 0])
    compare_training(
        "classifier",
        ours,
        theirs,
        lambda: functional.cross_entropy(ours(texts), labels),
        lambda: functional.cross_entropy(theirs(texts)[0], labels),
    )
    return apart, apart_alone


def main() -> None:
    torch.manual_seed(0)
    language = compare_language_models()
    together, alone = compare_classifiers()
    print(f"language model: logits differ by at most {language:.1e}")
    print(f"classifier: logits differ by at most {together:.1e}; from those of texts alone by {alone:.1e}")
    if not max(language, together, alone) <= TOLERANCE:
        sys.exit(f"Our logits are not fastai's: {TOLERANCE} is the most that may differ.")


if __name__ == "__main__":
    main()
