"""The lesson's words: each rule to the letter, splitting as spaCy does it, vocabularies, and texts made to take for ever."""

from collections import Counter

import pytest

from engine.data.texts.word_rules import (
    BOS,
    RULES,
    SPECIALS,
    join_spaces,
    lower_case,
    mark_capitalised,
    mark_capitals,
    mark_repeated_characters,
    mark_repeated_words,
    replace_leftovers,
    space_out_signs,
)
from engine.data.texts.word_splitting import split_words
from engine.data.texts.words import build_vocabulary, index_words, numericalise, tokenize
from engine.errors import RecipeError

MILLION = 1_000_000


def test_special_tokens_have_fastais_order_and_numbers() -> None:
    assert SPECIALS == ("xxunk", "xxpad", "xxbos", "xxeos", "xxfld", "xxrep", "xxwrep", "xxup", "xxmaj")
    assert index_words(build_vocabulary({}))["xxmaj"] == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It#39;s", "It's"),
        ("It#146;s", "It's"),
        ("this amp; that", "this & that"),
        ("Q&amp;A", "Q&&A"),  # as fastai: the sign in front stays
        ("onbsp;k", "o k"),
        ("#36;5", "$5"),
        ("one\\ntwo", "one\ntwo"),
        ("quot;soquot;", "'so'"),
        ("one<br /><br />two", "one\n\ntwo"),
        ('\\"so\\"', '"so"'),
        ("a <unk> b", "a xxunk b"),
        ("3 @.@ 5 and well @-@ made", "3.5 and well-made"),
        ("so...", "so …"),
        ("so....", "so …."),
        ("&lt;b&gt; caf&eacute; &#233; &#xe9; &copy", "<b> café é é ©"),
        ("no & such &thing; 5 < 6", "no & such &thing; 5 < 6"),
        ("", ""),
    ],
)
def test_leftovers_become_what_they_stood_for(text: str, expected: str) -> None:
    assert replace_leftovers(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aaaa", " xxrep 4 a "),
        ("sooo good!!!", "s xxrep 3 o  good xxrep 3 ! "),
        ("good!! aa", "good!! aa"),
        ("AAa", "AAa"),
        ("a    b\n\n\n\n", "a    b\n\n\n\n"),  # white space is not marked
        ("😀😀😀", " xxrep 3 😀 "),
        ("\x00\x00\x00", " xxrep 3 \x00 "),
        ("aaabbb", " xxrep 3 a  xxrep 3 b "),
        ("", ""),
    ],
)
def test_repeated_characters(text: str, expected: str) -> None:
    assert mark_repeated_characters(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("very very very good", " xxwrep 3 very  good"),
        ("so very very very, good", "so xxwrep 3 very , good"),
        ("no no\nno  no", " xxwrep 4 no "),
        ("very very good", "very very good"),
        ("Very very very", "Very very very"),
        ("a a ab", "a a ab"),
        ("ab a a a", "ab xxwrep 3 a "),
        ("ba ba ba-ba", " xxwrep 3 ba -ba"),
        ("(no no no)", "(no no no)"),  # a row begins the text or follows white space
        ("a a a b b b c", " xxwrep 3 a  b b b c"),  # as fastai: the space is used up
        ("a a a x b b b", " xxwrep 3 a  x xxwrep 3 b "),
        ("7 7 7", " xxwrep 3 7 "),
        ("! ! !", "! ! !"),
        ("", ""),
    ],
)
def test_repeated_words(text: str, expected: str) -> None:
    assert mark_repeated_words(text) == expected


def test_spaces() -> None:
    assert space_out_signs("and/or #1 a\\b//") == "and / or  # 1 a \\ b /  / "
    assert join_spaces("a  b    c \n  d") == "a b c \n d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a GREAT film", "a xxup great film"),
        ("GREAT!!!\nI like A B", "xxup great!!!\ni like a b"),
        ("U.S. 3D X2 2X", "xxup u.s. 3D xxup x2 2X"),
        ("GREATest Great", "GREATest Great"),
        ("(GREAT) ÉTÉ", "(GREAT) ÉTÉ"),  # as fastai: the first sign is one of A to Z
        ("Aé AÉ", "xxup aé xxup aé"),
        ("", ""),
    ],
)
def test_capitals(text: str, expected: str) -> None:
    assert mark_capitals(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Great film", "a xxmaj great film"),
        ("Great!\nWell-made", "xxmaj great!\nxxmaj well-made"),
        ("McDonald iPod (Great) Élan GREAT", "McDonald iPod (Great) Élan GREAT"),
        ("", ""),
    ],
)
def test_capitalised(text: str, expected: str) -> None:
    assert mark_capitalised(text) == expected


def test_lower_case_has_the_mark_of_a_beginning() -> None:
    assert lower_case("\n McDonald ÉTÉ ") == "xxbos mcdonald été"
    assert lower_case("") == "xxbos "


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # `|` where spaCy 3.8's blank English splits; spaces are left out
        ("a good film", "a|good|film"),
        ("good, bad; (ugly)!?", "good|,|bad|;|(|ugly|)|!|?"),
        ('"so," he said.', '"|so|,|"|he|said|.'),
        ("“so” ‘so’ «so»", "“|so|”|‘|so|’|«|so|»"),
        ("i don't can't won't ain't", "i|do|n't|ca|n't|wo|n't|ai|n't"),
        ("don’t it’s i’m", "do|n’t|it|’s|i|’m"),
        ("dont cant thats im id hes", "do|nt|ca|nt|that|s|i|m|i|d|he|s"),
        ("its ill hell were well shell", "its|ill|hell|were|well|shell"),
        (
            "it's they'll you've we're i'd he'd've shouldn't've",
            "it|'s|they|'ll|you|'ve|we|'re|i|'d|he|'d|'ve|should|n't|'ve",
        ),
        ("film's actors' john'll let's", "film|'s|actors|'|john'll|let|'s"),
        ("cannot gonna gotta y'all c'mon", "can|not|gon|na|got|ta|y'|all|c'm|on"),
        ("'em 'cause o'clock ma'am nothin'", "'em|'cause|o'clock|ma'am|nothin'"),
        ("(don't) \"it's\" don't.", "(|do|n't|)|\"|it|'s|\"|do|n't|."),
        ("mr. smith, u.s. e.g. i.e., etc. vs. a.m.", "mr|.|smith|,|u.s|.|e.g.|i.e.|,|etc|.|vs.|a.m."),
        ("plan b. 9pm 10a.m. 13pm", "plan|b.|9|pm|10|a.m.|13pm"),
        ("well-made mother-in-law 2-hour -so- so--so", "well|-|made|mother|-|in|-|law|2|-|hour|-so-|so|--|so"),
        ("so—so – so", "so|—|so|–|so"),
        ("so … so..so so.. ..so so……", "so|…|so|..|so|so|..|..|so|so|……"),
        ("½. @. éa. 5. *. '.", "½.|@.|éa|.|5|.|*|.|'|."),
        ("good,bad good.bad good:bad 1,000 3.5 9:30", "good|,|bad|good.bad|good|:|bad|1,000|3.5|9:30"),
        ('good."so', 'good|.|"so'),
        ("10km 5kg 90% $5 5$ +5 1990s 8/10", "10|km|5|kg|90|%|$|5|5|$|+5|1990s|8/10"),
        ("1-2 3*4 2+2 a+b", "1|-|2|3|*|4|2|+|2|a+b"),
        ("_so_ *so* #1 a_b b&w", "_|so|_|*|so|*|#|1|a_b|b&w"),
        (":) fun:) (:( ;-) ^_^ <3 :p", ":)|fun|:)|(|:(|;-)|^_^|<3|:p"),
        ("(8) (a:) ( :), (:-)", "(|8)|(|a|:)|(|:)|,|(|:-)"),
        ("see www.a-b.com x-y@a-b.org a-b.the.", "see|www.a-b.com|x-y@a-b.org|a-b.the|."),
        ("www.a-b.com:80/c-d a-b.c", "www.a-b.com:80/c-d|a|-|b.c"),
        ("so😀😃 ♥so so❤️ ©1990", "so|😀|😃|♥|so|so|❤|️|©|1990"),
        ("café naïve-été 日本", "café|naïve|-|été|日本"),
        ("xxbos xxmaj so xxrep 4 ! xxup xxwrep xxunk xxpad xxeos xxfld", None),
        ("", ""),
    ],
)
def test_words_part_where_spacy_parts_them(text: str, expected: str | None) -> None:
    words = text.split(" ") if expected is None else expected.split("|") if expected else []
    assert split_words(text) == words


def test_white_space_beside_single_spaces_is_a_word() -> None:
    assert split_words("a  b") == ["a", " ", "b"]
    assert split_words("a\n\nb \n c\td") == ["a", "\n\n", "b", "\n ", "c", "\t", "d"]
    assert split_words(" a\xa0b\u2028c ") == [" ", "a", "\xa0", "b", "\u2028", "c"]
    assert split_words("\x00a\x1cb\x07 \x85") == ["\x00a", "\x1c", "b\x07", "\x85"]
    assert tokenize("a\n \nb") == ["xxbos", "a", "\n▁\n", "b"]


def test_signs_of_two_exceptions_belong_to_the_longer_or_the_earlier() -> None:
    assert split_words("a:))") == ["a", ":))"]
    assert split_words("a'':)") == ["a", "''", ":)"]
    assert split_words("back'' ''return") == [
        "back",
        "''",
        "'",
        "'",
        "return",
    ]  # spaCy counts the pair across the space


def test_a_review_goes_through_all_rules() -> None:
    review = (
        "I CAN'T stop... &lt;Very&gt; very very GOOD!!!!<br /><br />Mr. Smith's well-made film and/or no no no, 8/10 :)"
    )
    assert " ".join(tokenize(review)) == (
        "xxbos i xxup ca n't stop … < very > very very xxup good xxrep 4 ! \n\n xxmaj mr . xxmaj smith 's "
        "well - made film and / or xxwrep 3 no , 8 / 10 :)"
    )


def test_each_rule_can_be_shown() -> None:
    text, shown = "GOOD & #1...", []
    for rule in RULES:
        text = rule(text)
        shown.append(text)
    assert shown == [
        *["GOOD & #1 …"] * 3,
        "GOOD &  # 1 …",
        "GOOD & # 1 …",
        *["xxup good & # 1 …"] * 2,
        "xxbos xxup good & # 1 …",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n \t", "\x1c"])
def test_an_empty_text_has_only_its_beginning(text: str) -> None:
    assert tokenize(text) == [BOS]


def test_emoji_control_characters_and_halves_of_pairs() -> None:
    assert tokenize("👍🏽 I ❤❤❤ it 😀😀") == ["xxbos", "👍", "🏽", "i", "xxrep", "3", "❤", "it", "😀", "😀"]
    assert tokenize("a\x00b \x07\x07\x07 \ud83d") == ["xxbos", "a\x00b", "xxrep", "3", "\x07", "\ud83d"]
    assert tokenize("&#0; &#xd800;") == ["xxbos", "\ufffd", "\ufffd"]


HOSTILE_RULES = {
    "no character": (replace_leftovers, "&#" + "9" * MILLION + ";", "\ufffd"),
    "zeros": (replace_leftovers, "&#" + "0" * MILLION + "65;", "\ufffd"),
    "ampersands": (replace_leftovers, "&" * MILLION, None),
    "one character": (mark_repeated_characters, "a" * MILLION, f" xxrep {MILLION} a "),
    "pairs": (mark_repeated_characters, "aab" * (MILLION // 3), None),
    "one word": (mark_repeated_words, "a " * (MILLION // 2), f" xxwrep {MILLION // 2} a  "),
    "one word, another last": (mark_repeated_words, "a " * (MILLION // 2) + "ab", f" xxwrep {MILLION // 2} a  ab"),
    "two of each": (mark_repeated_words, "a a ab " * (MILLION // 7), None),
    "huge word": (mark_repeated_words, "a" * MILLION, None),
    "huge word twice": (mark_repeated_words, f"{'ab' * (MILLION // 4)} {'ab' * (MILLION // 4)} a", None),
    "gap": (mark_repeated_words, "a a" + " " * MILLION + "b", None),
    "gaps": (
        mark_repeated_words,
        ("a" + " " * 999) * (MILLION // 1000) + "b",
        f" xxwrep {MILLION // 1000} a {' ' * 999}b",
    ),
    "emoji": (mark_repeated_words, "😀 " * (MILLION // 5), None),
    "control characters": (mark_repeated_words, "\x00\x1c\x85" * (MILLION // 3), None),
    "signs": (space_out_signs, "/" * (MILLION // 4), " / " * (MILLION // 4)),
    "spaces": (join_spaces, " " * MILLION, " "),
    "pairs of spaces": (join_spaces, "a  " * (MILLION // 3), "a " * (MILLION // 3)),
    "capitals": (mark_capitals, "AB" * (MILLION // 2), "xxup " + "ab" * (MILLION // 2)),
    "capitals, a small one last": (mark_capitals, "AB" * (MILLION // 2) + "a", None),
    "capitalised": (mark_capitalised, "A" + "b" * MILLION, "xxmaj a" + "b" * MILLION),
    "capitalised, a capital last": (mark_capitalised, "A" + "b" * MILLION + "C", None),
}


@pytest.mark.parametrize("name", HOSTILE_RULES)
def test_rules_end_on_hostile_texts(name: str) -> None:
    rule, text, expected = HOSTILE_RULES[name]
    found = rule(text)
    assert len(found) == len(text if expected is None else expected)
    assert (found == (text if expected is None else expected)) is True  # no diff of a million characters


HOSTILE_WORDS = {
    "one word": ("ab" * (MILLION // 2), 1, "ab"),
    "signs in front and behind": ("('" * (MILLION // 8) + "a" + ")," * (MILLION // 8), MILLION // 2 + 1, "("),
    "signs that only begin a word": ("=(" * (MILLION // 16), MILLION // 8 - 2, "=("),  # a face at either end
    "emoji": ("😀😃" * (MILLION // 8), MILLION // 4, "😀"),
    "control characters": ("\x00\x1c\x07" * (MILLION // 6), MILLION // 3, "\x00"),
    "dots": ("." * MILLION, 1, "." * MILLION),
    "dots and a sign": ("a" + "..)" * (MILLION // 6), MILLION // 6 * 2 + 1, "a"),
    "endings": ("a" + "'s" * (MILLION // 4), MILLION // 4 + 1, "a"),
    "hyphens": ("a-" * (MILLION // 4) + "a", MILLION // 2 + 1, "a"),
    "more hyphens": ("a----" * (MILLION // 5), 1, "a"),
    "hosts": ("a-b." * (MILLION // 4), MILLION // 2 + 1, "a"),
    "users": ("a@" * (MILLION // 2) + "b-b", 3, "a"),
    "users and hosts": ("a.bc@" * (MILLION // 5) + "b-b", 3, "a"),
    "scheme": ("a." * (MILLION // 2) + "://b-b", 3, "a"),
    "white space": ("a" + " " * MILLION + "b", 3, "a"),
    "faces": ("a:)" + ":(:)" * (MILLION // 16), MILLION // 4 + 2, "a"),  # as in spaCy, the first is the only one
}


@pytest.mark.parametrize("name", HOSTILE_WORDS)
def test_splitting_ends_on_hostile_texts_and_loses_nothing(name: str) -> None:
    text, count, first = HOSTILE_WORDS[name]
    words = split_words(text)
    assert (len(words), words[0][: len(first)]) == (count, first)
    assert ("".join(words).replace(" ", "") == text.replace(" ", "")) is True


def test_vocabulary_has_special_tokens_then_frequent_words_then_the_alphabet() -> None:
    counts = Counter({"film": 3, "the": 9, "bad": 2, "actor": 2, "once": 1, "xxbos": 50, "xxmaj": 9})
    assert build_vocabulary(counts) == (*SPECIALS, "the", "film", "actor", "bad")
    assert build_vocabulary(dict(reversed(counts.items()))) == build_vocabulary(counts)
    assert build_vocabulary(counts, at_least=1)[-1] == "once"
    assert build_vocabulary(counts, at_least=3)[len(SPECIALS) :] == ("the", "film")
    assert build_vocabulary(counts, at_most=12) == (*SPECIALS, "the", "film", "actor")
    assert build_vocabulary({}) == SPECIALS


def test_the_lessons_limits_are_the_defaults() -> None:
    vocabulary = build_vocabulary({f"w{number:05}": 2 for number in range(70_000)})
    assert (len(vocabulary), vocabulary[-1]) == (60_000, f"w{60_000 - len(SPECIALS) - 1:05}")


def test_limits_that_leave_no_words_are_refused() -> None:
    for at_most in (0, len(SPECIALS)):
        with pytest.raises(RecipeError, match=f"vocabulary of {at_most} has no room .* set at_most to 10 or more"):
            build_vocabulary({"a": 2}, at_most=at_most)
    with pytest.raises(RecipeError, match="at_least 0 means nothing: set it to 1 or more"):
        build_vocabulary({"a": 2}, at_least=0)
    assert build_vocabulary({"a": 2}, at_most=len(SPECIALS) + 1)[-1] == "a"


def test_numbers_are_places_and_unknown_words_share_one() -> None:
    vocabulary = build_vocabulary({"film": 5, "good": 4})
    index = index_words(vocabulary)
    assert [vocabulary[number] for number in index.values()] == list(vocabulary) == list(index)
    assert numericalise(tokenize("A Good, good film"), index) == [2, 0, 8, 10, 0, 10, 9]
    assert numericalise([], index) == []
    assert numericalise(["?"], {"xxunk": 7, "a": 1}) == [7]
