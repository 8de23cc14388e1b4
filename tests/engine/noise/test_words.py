"""Texts told apart by their words."""

import torch

from engine.noise.words import count_terms, held_out_shares, terms


def test_terms_are_words_and_neighbouring_pairs() -> None:
    assert terms("Not <br />bad, it's GOOD!") == {
        *("not", "bad", "it's", "good", "!"),
        *("not bad", "bad it's", "it's good", "good !"),
    }


def test_each_text_and_term_is_summed_over_what_it_has() -> None:
    has = count_terms([["good film", "bad film"], ["good, good", ""]], 4, lambda done, total: None)
    assert len(has.term_starts) == 2, "a term of one text alone says nothing of others"
    ones = torch.ones(4, 1)
    assert sorted(has.by_term(ones)[:, 0].tolist()) == [2, 2]
    assert has.by_text(torch.ones(2, 1))[:, 0].tolist() == [2, 1, 1, 0]


def test_a_turned_label_has_little_probability_under_a_model_that_had_not_seen_it() -> None:
    texts = [
        f"a {word} film with {thing} and a {word} end"
        for thing in ("snow", "rain", "trains", "cats", "songs")
        for word in ("wonderful", "dreadful")
    ] * 2
    given = torch.tensor([0, 1] * 10)
    given[6] = 1
    told: list[tuple[int, int]] = []
    has = count_terms([texts], 20, lambda done, total: None)
    shares = held_out_shares(has, given, torch.arange(20) % 5, 2, lambda done, total: told.append((done, total)))
    own = shares.gather(1, given[:, None])[:, 0]
    assert own.argmin() == 6 and own[6] < 0.3
    assert torch.allclose(shares.sum(1), torch.ones(20)) and told[-1] == (5, 5)
