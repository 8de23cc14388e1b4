"""A data set's account as it shows on the page: numbers, doubts, classes, and what was left out."""

from collections.abc import Sequence

from engine.data.account import SPLITS, Account
from tabs.door.paths import without_paths
from tabs.drawing.markup import facts, note, table, text

WORDS = {"train": "to train", "valid": "to validate", "test": "to test", "unlabelled": "without a label"}
SHOWN_NAMES = 30  # of those that were left out for one reason
SHOWN_CLASSES = 40


def show_account(account: Account) -> str:
    """All of it; of a refused data set why it cannot be used."""
    if account.refused:
        return note(without_paths(account.refused), "bad")
    numbers = [("found", f"{account.found:,}"), ("used", f"{account.used:,}")]
    numbers += [(words, f"{account.split[name]:,}") for name, words in WORDS.items() if account.split.get(name)]
    doubts = "".join(note(warning, "warn") for warning in account.warnings)
    said = [f"{_capital(account.layout)}.", f"Split: {account.source}.", *account.notes]
    if not account.split.get("test"):
        said.append("No test split: all figures are validation figures.")
    words = "".join(f"<p>{text(sentence)}</p>" for sentence in said)
    return f'<div class="lab-account">{facts(numbers)}{doubts}{words}{_left_out(account)}{_classes(account)}</div>'


def _left_out(account: Account) -> str:
    """A list to open for each reason."""
    return "".join(
        f"<details><summary>{len(names):,} left out: {text(reason)}</summary><p>{text(_named(names))}</p></details>"
        for reason, names in account.left_out.items()
    )


def _named(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return without_paths(", ".join(names[:SHOWN_NAMES])) + more


def _classes(account: Account) -> str:
    """The classes with their numbers in each split, the commonest in training first; of masks, their shares of the pixels."""
    splits = [name for name in SPLITS if account.split.get(name)]
    if not account.classes or not splits:
        return ""
    ordered = sorted(account.classes, key=lambda name: -account.classes[name].get(splits[0], 0))
    rows = [[text(name), *(_amount(account, name, split) for split in splits)] for name in ordered[:SHOWN_CLASSES]]
    more = f"<p>{len(ordered) - SHOWN_CLASSES:,} more classes.</p>" if len(ordered) > SHOWN_CLASSES else ""
    shown = table(("class", *(WORDS[split] for split in splits)), rows)
    return f"<details><summary>{len(ordered)} classes, and how often each occurs</summary>{shown}{more}</details>"


def _amount(account: Account, name: str, split: str) -> str:
    share = account.shares.get(name, {}).get(split)
    return f"{account.classes[name].get(split, 0):,}" if share is None else f"{share:.2%}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
