"""Randomness as a function of where one is, so that a resumed run repeats an unbroken one.

Data order, augmentation and dropout draw from generators seeded by (seed, stage, epoch, sample) or (seed, stage, step). No
generator's state has to travel: any number of loader workers, a stop and a resume give the same numbers.
"""

import hashlib


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from any parts; equal parts give equal seeds on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
