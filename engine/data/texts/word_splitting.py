"""Splits prepared text (in lower case, with spaces around slashes) into words as spaCy's blank English tokenizer does.

The steps are spaCy's, in spaCy's order (its documentation, "How spaCy's tokenizer works"), and so are the facts in the lists of
contractions and faces. Time and memory grow with the length of a text and no faster: a word is never sliced once for each sign
that comes off it.
"""

import re
from collections.abc import Container, Iterable, Mapping

# Who is shortened, and how; `|` is where words part. Each also with ’, and with no apostrophe at all.
CONTRACTIONS = (
    ("i you he she it we they who what when where why how there that this these those", "'ll 'll|'ve 'd 'd|'ve"),
    ("i", "'m 'm|a"),
    ("i you we they who what when where why how there these those could might must should would not", "'ve"),
    ("you we they who what when where why how there these those", "'re"),
    ("he she it who what when where why how there that this", "'s"),
    ("ca could do does did had may might must need ought sha should wo would", "n't n't|'ve"),
    ("ai are is was were have has dare", "n't"),
)
# Which without an apostrophe are other words.
NO_CONTRACTIONS = frozenset({"ill", "its", "hell", "shell", "shed", "were", "well", "whore"})
OTHER_EXCEPTIONS = r"""
    y'|all y|all how|'d|'y can|not gon|na got|ta let|'s c'm|on ma'am o'clock and/or w/o
    ' '' 's ‘s 're 'd 'll 'em 'nuff 'cause 'cos 'coz 'cuz 'bout lovin' havin' doin' goin' nothin' nuthin' somethin' ol'
    a.m. p.m. co. e.g. i.e. vs. v.s. <space>
    :) :)) :))) :( :(( :((( :] :} :* :p :o :0 :x :3 :> :1 :() :o) :') :'( ;) =) =( =] =[ =3 8)
    :-) :-)) :-))) :-( :-(( :-((( :-] :-} :-* :-p :-o :-0 :-x :-3 :-> :'-) :'-( ;-) 8-)
    (: ): [: (; (= [= ]= (o: (-: )-: [-: (-; (-8 >:( >:o <3 <33 <333
    ^_^ ^__^ -_- -__- ;_; v_v o_o 0_o o_0 0_0 @_@ >.< >.> <.< ._. v.v o.o 0.0 o.0 0.o (^_^) (-_-) (._.) (>_<) (*_*)
"""
FACES_WITH_A_BAR = (":|", ":-|", "=|")


def _build_exceptions() -> dict[str, tuple[str, ...]]:
    """From what stands between spaces, less the punctuation around it, to its words."""
    rows = [tuple(row.split("|")) for row in OTHER_EXCEPTIONS.split()]
    rows += [(face,) for face in FACES_WITH_A_BAR]
    rows += [(f"{letter}.",) for letter in "abcdefghijklmnopqrstuvwxyzäöü"]
    rows += [("°", letter, ".") for letter in "cfk"]
    rows += [(str(hour), half) for hour in range(1, 13) for half in ("am", "pm", "a.m.", "p.m.")]
    for starts, endings in CONTRACTIONS:
        for row in ((start, *ending.split("|")) for start in starts.split() for ending in endings.split()):
            bare = tuple(part.replace("'", "") for part in row)
            rows += [row] if "".join(bare) in NO_CONTRACTIONS else [row, bare]
    rows += [tuple(part.replace("'", "’") for part in row) for row in rows]
    return {"".join(row): row for row in rows}


EXCEPTIONS = _build_exceptions()
LONGEST_EXCEPTION = max(map(len, EXCEPTIONS))

PUNCTUATION = r",:;!?¿؟¡()\[\]{}<>_#*&。？！，、；：～·।،۔؛٪"
QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧"
LETTER = r"[^\W\d_²³¹¼-¾]"
CURRENCIES = "$£€¥฿₠-₿﷼"
# Unicode's "other symbols", emoji among them, as far as they are common.
ICONS = (
    r"¦©®°\u2100-\u214f\u2195-\u21ff\u2300-\u2426\u249c-\u24e9\u2500-\u2767\u2794-\u27bf\u2800-\u28ff\u2b00-\u2bff\ufffd"
    r"\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
UNITS = "km[²³]?|[mdc]?m[²³]?|ha|µm|nm|yd|in|ft|[kmµ]?g|t|lb|oz|kmh|mph|mbar|[mkgt]b|%"

# A single space between words belongs to none of them; more space than that is a word, of the group.
CHUNK = re.compile(r"(?<=\S) |(\s+|\S+)")
PREFIX = re.compile(rf"[{PUNCTUATION}{QUOTES}{CURRENCIES}{ICONS}…§%=—–]|\+(?![0-9])|\.\.+")
SUFFIX_SIGN = re.compile(rf"[{PUNCTUATION}{QUOTES}{ICONS}—–]")
SUFFIX = re.compile(
    rf"(?:…{{1,2}}|['’]s|(?<=[0-9])(?:[+{CURRENCIES}]|{UNITS})"
    rf"|(?:(?<={LETTER})|(?<=[0-9%²+|…{PUNCTUATION}{QUOTES}-]))\.)\Z"
)
SUFFIX_REACH = 8  # more than the longest, and what stands before it
INFIX = re.compile(
    rf"\.\.+|[…{ICONS}]|(?<=[0-9])[+*^-](?=[0-9-])|(?<={LETTER}),(?={LETTER})"
    rf"|(?:(?<={LETTER})|(?<=[{QUOTES}]))\.(?=[{QUOTES}])"
    rf"|(?:(?<={LETTER})|(?<=[0-9]))(?:-{{1,3}}|—{{1,2}}|[–~:<>=/])(?={LETTER})"
)
# The name of a host at least; a scheme, a user, a port and a path when they are there.
ADDRESS = re.compile(
    r"(?:[\w+.-]{2,}+://)?(?:\S+@)?"
    r"(?:[a-z0-9\u00a1-\uffff](?:[a-z0-9\u00a1-\uffff_-]{0,62}[a-z0-9\u00a1-\uffff])?\.)++"
    rf"{LETTER}{{2,63}}"
    r"(?::\d{2,5})?(?:[/?#]\S*)?"
)


def split_words(text: str) -> list[str]:
    """Words, punctuation and white space other than single spaces, in order; nothing but single spaces is left out."""
    words: list[str] = []
    gaps: set[int] = set()
    for chunk in CHUNK.findall(text):
        if not chunk:
            gaps.add(len(words))
        elif chunk.isspace() or (chunk.isalpha() and chunk not in EXCEPTIONS):
            words.append(chunk)
        else:
            words += _take_apart(chunk, EXCEPTIONS)
    return _put_together(words, gaps)


def _take_apart(chunk: str, exceptions: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Signs come off both ends, until an exception or a plain middle is left; the middle parts at its infixes."""
    start, end = 0, len(chunk)
    before: list[str] = []
    after: list[str] = []

    def is_exception(start: int, end: int) -> bool:
        return end - start <= LONGEST_EXCEPTION and chunk[start:end] in exceptions

    while start < end and not is_exception(start, end):
        prefix = PREFIX.match(chunk, start, end)
        inner = prefix.end() if prefix else start
        outer = end if is_exception(inner, end) else _without_suffix(chunk, start=inner, end=end)
        if inner == start and outer == end:
            break
        if outer < end and is_exception(start, outer):  # as `:'(` in `:'(.`: its own first sign stays with it
            inner = start
        before += [chunk[start:inner]] if start < inner else []
        after += [chunk[outer:end]] if outer < end else []
        start, end = inner, outer
    middle = chunk[start:end]
    return [*before, *(exceptions.get(middle) or _part_at_infixes(middle)), *reversed(after)]


def _without_suffix(chunk: str, *, start: int, end: int) -> int:
    """Where the part of the chunk from `start` to `end` ends once a suffix is off; `end` if it has none."""
    if start < end and SUFFIX_SIGN.match(chunk, end - 1):
        return end - 1
    dots = end
    while start < dots and chunk[dots - 1] == ".":
        dots -= 1
    if end - dots > 1:
        return dots
    suffix = SUFFIX.search(chunk[max(start, end - SUFFIX_REACH) : end])
    return end - len(suffix[0]) if suffix else end


def _part_at_infixes(middle: str) -> Iterable[str]:
    """`well-made` in three words; an address in one, and so is what looks like one: `well-made.the`."""
    if INFIX.search(middle) is None or ADDRESS.fullmatch(middle):
        return [middle] if middle else []
    words, done = [], 0
    for infix in INFIX.finditer(middle):
        words += [middle[done : infix.start()]] if done < infix.start() else []
        words.append(infix[0])
        done = infix.end()
    return [*words, middle[done:]] if done < len(middle) else words


# Exceptions that were taken apart nevertheless, because other words touch them: the two words of `:)` in `fun:)`.
TOGETHER = {tuple(words): EXCEPTIONS[key] for key in EXCEPTIONS if len(words := _take_apart(key, {})) > 1}
FIRST_OF_TOGETHER = frozenset(words[0] for words in TOGETHER)
MOST_OF_TOGETHER = max(map(len, TOGETHER))


def _put_together(words: list[str], gaps: Container[int]) -> list[str]:
    """Longest exceptions first, then from left to right; `gaps` are the places in `words` that a space stands before.

    As in spaCy, what overlaps a longer or earlier one is lost, and words across a gap stay apart but count in this.
    """
    rows = [
        (first, last)
        for first, word in enumerate(words)
        if word in FIRST_OF_TOGETHER
        for last in range(first + 2, min(first + MOST_OF_TOGETHER, len(words)) + 1)
        if tuple(words[first:last]) in TOGETHER
    ]
    taken: set[int] = set()
    chosen: list[tuple[int, int]] = []
    for first, last in sorted(rows, key=lambda row: (row[0] - row[1], row[0])):
        if first not in taken and last - 1 not in taken and not any(place in gaps for place in range(first + 1, last)):
            chosen.append((first, last))
        taken.update(range(first, last))
    joined: list[str] = []
    done = 0
    for first, last in sorted(chosen):
        joined += words[done:first]
        joined += TOGETHER[tuple(words[first:last])]
        done = last
    return [*joined, *words[done:]]
