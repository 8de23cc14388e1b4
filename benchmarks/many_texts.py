"""A thousand texts judged together, as `predict` does, and one by one; a ratio of two measured in one run.

    python -m benchmarks.many_texts [--texts 1000] [--model sample-imdb]

The texts are made of four sentences, one to forty of them each.
"""

import argparse
import random
import time

from engine.errors import DataError
from engine.serving.many import predict_many
from engine.serving.predictor import load_predictor

SENTENCES = (
    "I loved this film from the first minute to the last.",
    "A dull story, told without any feeling.",
    "The actors do what they can, and that is not much.",
    "See it twice, and take your friends along.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--model", default="sample-imdb")
    parser.add_argument("--sentences", type=int, default=40, help="at most, in a text")
    given = parser.parse_args()
    predictor, chance = load_predictor(given.model), random.Random(0)
    texts = [" ".join(chance.choices(SENTENCES, k=chance.randint(1, given.sentences))) for _ in range(given.texts)]
    predictor.predict(texts[0])
    began = time.perf_counter()
    alone = [predictor.predict(text) for text in texts]
    middle = time.perf_counter()
    together = [answer for _, answer in predict_many(predictor, ((text, text) for text in texts))]
    ended = time.perf_counter()
    assert not any(isinstance(answer, DataError) for answer in together)
    same = sum(one.in_words() == other.in_words() for one, other in zip(alone, together, strict=True))
    print(
        f"one by one {middle - began:.1f} s, together {ended - middle:.1f} s: {(middle - began) / (ended - middle):.1f} times"
    )
    print(f"{same} of {len(texts)} answers are the same in words")


if __name__ == "__main__":
    main()
