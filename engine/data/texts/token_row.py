"""The tokens of many texts laid out as one row, from which a language model's stretches and blocks are cut."""

import numpy as np

from engine.data.seeding import derive_seed
from engine.data.texts.token_cache import TokenTable
from engine.data.texts.tokenizers import Tokenizer


class TokenRow:
    """All tokens of some texts as one row; in training the texts come in another order every epoch."""

    def __init__(self, table: TokenTable, tokenizer: Tokenizer, *, seed: int, is_training: bool) -> None:
        self.table, self.tokenizer, self.seed, self.is_training = table, tokenizer, seed, is_training
        framing = len(tokenizer.in_row(np.zeros(0, dtype=np.int32)))
        self.count = int(table.lengths().sum()) + framing * len(table)

    def flat(self, epoch: int) -> np.ndarray:
        """The row of an epoch (N,) int32."""
        if getattr(self, "_epoch", None) != (epoch if self.is_training else 0):
            order = np.arange(len(self.table))
            if self.is_training:
                np.random.default_rng(derive_seed(self.seed, "texts", epoch)).shuffle(order)
            texts = [self.tokenizer.in_row(self.table[index]) for index in order.tolist()]
            self._flat = np.concatenate(texts) if texts else np.zeros(0, dtype=np.int32)
            self._epoch = epoch if self.is_training else 0
        return self._flat
