"""IMDB without a network: TF-IDF of words and pairs of them, and logistic regression; accuracy, F1, area under the ROC curve.

    python -m pip install -r benchmarks/requirements.txt
    python -m engine fetch imdb
    python -m benchmarks.imdb_tfidf

What a text model has to beat. The vocabulary and the weights are learnt from the training reviews alone (those that a classifier
here learns from), the regularisation is the one with the best validation accuracy, and the test reviews are looked at
once, with that one. All figures come from the metrics that our classifiers are measured by. A row's seconds are for reading its
texts, counting their words and classifying them.
"""

# pyright: reportMissingImports=false
# (scikit-learn is in this folder's own requirements)

import argparse
import json
import time
from pathlib import Path
from typing import Any

import sklearn
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from engine.data.sources.fetching import resolve_dataset
from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.tokenizers import clean
from engine.kinds.class_metrics import ClassMetrics
from engine.training.setup import some_of

CHOICES = (1.0, 4.0, 16.0, 64.0, 256.0)  # scikit-learn's C: the larger, the less is held back
WORDS_AND_PAIRS = (1, 2)
RAREST = 2  # a pair that only one review has says nothing of others
MOST_STEPS, TOLERANCE = 1000, 1e-6  # with the default tolerance it stops well before the best


def texts(data: TextData, rows: tuple[int, ...]) -> list[str]:
    """Reviews without their markup."""
    return [clean(text) for text in data.texts(rows)]


def judge(counts: TfidfVectorizer, model: LogisticRegression, data: TextData, split: str) -> dict[str, float]:
    """Accuracy, F1 and the area under the ROC curve on a split, and the seconds that it took."""
    started, rows = time.perf_counter(), data.items(split)
    metrics = ClassMetrics(data.classes)
    logits = model.predict_log_proba(counts.transform(texts(data, rows)))
    metrics.update(torch.from_numpy(logits), torch.tensor(data.labels(rows)))
    return metrics.compute() | {"seconds": time.perf_counter() - started}


def main() -> None:
    parser = argparse.ArgumentParser(description="TF-IDF and logistic regression on film reviews.")
    parser.add_argument("--dataset", default="imdb")
    parser.add_argument("--train-items", type=int, default=0, help="how many of the training reviews; 0 is all")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()

    data = some_of(open_texts(resolve_dataset(chosen.dataset)), chosen.train_items)
    print(f"scikit-learn {sklearn.__version__}; {len(data.train)} reviews of {chosen.dataset} to train ({data.title})")
    started = time.perf_counter()
    counts = TfidfVectorizer(ngram_range=WORDS_AND_PAIRS, min_df=RAREST, sublinear_tf=True)
    features: Any = counts.fit_transform(texts(data, data.train))
    labels = data.labels(data.train)
    counting = time.perf_counter() - started
    print(f"{features.shape[1]} words and pairs, counted in {counting:.1f} s")

    best: tuple[float, LogisticRegression, float] | None = None
    tried: dict[float, dict[str, float]] = {}
    for strength in CHOICES:
        started = time.perf_counter()
        model = LogisticRegression(C=strength, max_iter=MOST_STEPS, tol=TOLERANCE).fit(features, labels)
        learning = time.perf_counter() - started
        tried[strength] = judge(counts, model, data, "valid")
        print(
            f"C {strength:g}: validation accuracy {tried[strength]['accuracy']:.4f}, learnt in {learning:.1f} s",
            flush=True,
        )
        if best is None or tried[strength]["accuracy"] > tried[best[0]]["accuracy"]:
            best = strength, model, learning
    assert best is not None
    strength, model, learning = best

    found = {"valid": tried[strength]}
    if data.test:
        found["test"] = judge(counts, model, data, "test")
    print(f"chosen: C {strength:g}, {counting + learning:.1f} s of counting and learning")
    print("| split | reviews | accuracy | F1 | area under ROC | seconds |\n|---|---|---|---|---|---|")
    for split, figures in found.items():
        cells = " | ".join(f"{figures[name]:.4f}" for name in ("accuracy", "f1", "roc_auc"))
        print(f"| {split} | {len(data.items(split))} | {cells} | {figures['seconds']:.1f} |")
    if chosen.out:
        about = {"C": strength, "train_reviews": len(data.train), "features": features.shape[1]}
        about |= {"counting_seconds": counting, "learning_seconds": learning}
        tries = {f"{strength:g}": figures["accuracy"] for strength, figures in tried.items()}
        chosen.out.write_text(json.dumps(about | {"valid_accuracy_by_C": tries} | found, indent=1))


if __name__ == "__main__":
    main()
