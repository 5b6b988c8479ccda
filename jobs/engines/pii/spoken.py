"""Numbers as people say them and recognisers write them, as runs of digits and letters with their offsets.

"N M four four seven one, nine zero two three", "NM 4471-9023" and "N M 4, 4, 7, 1 uh 9023" all read NM44719023. A run
goes on over blanks, commas, hyphens, pauses, fillers and the other's "mhm"; any other word, a quantity ("15 percent",
"$20", "two thousand units") or a time of day ends it. Context and check digits are `claims.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.engines.pii.lexicon import Lexicon
from jobs.engines.pii.tokens import Token, fold, tokens

# How firmly two pieces of a run are apart: nothing or a blank; a comma or a filler; the end of a sentence or a "mhm".
CLOSE, PAUSED, PARTED = 0, 1, 2
_GLUE = frozenset(",-–—./\\()'\"…;#*&")
_CURRENCY = frozenset("$€£¥₹")
_AFTER_QUANTITY = _CURRENCY | {"%", "°", "‰", "º"}
_LONGEST_GAP = 8
# A recording of nothing but digits is read in stretches of this many pieces, so that time stays linear.
_LONGEST_RUN = 240
_ORDINAL_ENDINGS = ("st", "nd", "rd", "th", "er", "ere", "eme", "e", "te", "ste", "de", "o", "a", "ego")


@dataclass(frozen=True, slots=True)
class Piece:
    """One digit group, numeral or letter: `value` is what it reads, `first` and `after` are its tokens.

    `exact`: each character of the value is one of the text, in order ("4471"); a number word is not.
    """

    value: str
    start: int
    end: int
    first: int
    after: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Pieces that belong together; `gaps[i]` is how firmly piece i+1 is apart from piece i.

    `goes_on`: the run before had become too long and was ended in front of this one.
    """

    pieces: tuple[Piece, ...]
    gaps: tuple[int, ...]
    goes_on: bool = False

    @property
    def value(self) -> str:
        return "".join(piece.value for piece in self.pieces)

    def offsets(self) -> list[tuple[int, int]]:
        """For each character of `value` the stretch of the text that says it."""
        found = []
        for piece in self.pieces:
            for at in range(len(piece.value)):
                found.append((piece.start + at, piece.start + at + 1) if piece.exact else (piece.start, piece.end))
        return found

    def part(self, first: int, after: int) -> Run:
        """Some of the pieces as a run."""
        return Run(self.pieces[first:after], self.gaps[first : after - 1])


def runs(text: str, lexicon: Lexicon) -> list[Run]:
    """Every run of a text that has a digit in it, in order, none overlapping another."""
    return read(tokens(text), lexicon)


def read(found: Sequence[Token], lexicon: Lexicon, dates: Sequence[tuple[int, int]] = ()) -> list[Run]:
    """The same from tokens; `dates` are stretches of tokens, (first, after), that no run goes through."""
    dated = {at for first, after in dates for at in range(first, after)}
    return _Reader(found, lexicon, dated).runs()


class _Reader:
    """One pass over the tokens."""

    def __init__(self, found: Sequence[Token], lexicon: Lexicon, dated: set[int]) -> None:
        self.tokens, self.lexicon, self.dated = found, lexicon, dated
        self.done: list[Run] = []
        self.pieces: list[Piece] = []
        self.gaps: list[int] = []
        self.gap = CLOSE
        self.waiting = 0
        self.goes_on = False

    def runs(self) -> list[Run]:
        at = 0
        while at < len(self.tokens):
            piece = None if at in self.dated else self._piece(at)
            if piece is not None and self._is_quantity(piece):
                at = piece.after
                self._end()
            elif piece is not None:
                self._add(piece)
                at = piece.after
            else:
                at = self._pass(at)
        self._end()
        return self.done

    def _piece(self, at: int) -> Piece | None:
        token = self.tokens[at]
        if token.kind == "digits":
            return None if self._is_clock(at) else Piece(token.text, token.start, token.end, at, at + 1, True)
        if token.kind == "mixed":
            return self._mixed(token, at)
        if token.kind == "mark":
            follows = at + 1 < len(self.tokens) and self.tokens[at + 1].kind == "digits"
            return Piece("+", token.start, token.end, at, at + 1, True) if token.text == "+" and follows else None
        return self._repeated(at) or self._numeral(at) or self._letters(at)

    def _mixed(self, token: Token, at: int) -> Piece | None:
        digits = token.text.rstrip("".join(set(token.text) - set("0123456789")))
        suffix = token.folded[len(digits) :]
        if digits.isdecimal() and (suffix in _ORDINAL_ENDINGS or suffix in self.lexicon.units):
            return None
        plain = fold(token.text).upper()
        # (ß is two capitals.)
        upper = "".join(c.upper() if len(c.upper()) == 1 else c for c in token.text)
        value = plain if len(plain) == len(token.text) else upper
        return Piece(value, token.start, token.end, at, at + 1, True)

    def _repeated(self, at: int) -> Piece | None:
        times = self.lexicon.repeats.get(self.tokens[at].folded)
        if times is None or at + 1 >= len(self.tokens):
            return None
        following = None if self.tokens[at + 1].folded in self.lexicon.repeats else self._piece(at + 1)
        if following is None or len(following.value) != 1:
            return None
        return Piece(following.value * times, self.tokens[at].start, following.end, at, following.after, False)

    def _numeral(self, at: int) -> Piece | None:
        found = self.lexicon.numeral(self.tokens, at)
        if found is None:
            return None
        value, after = found
        return Piece(value, self.tokens[at].start, self.tokens[after - 1].end, at, after, False)

    def _letters(self, at: int) -> Piece | None:
        """A letter, said or written, and short groups of capitals ("NM") or without a vowel ("nm")."""
        token, lexicon = self.tokens[at], self.lexicon
        if token.folded in lexicon.weak_zeros:
            return Piece("0", token.start, token.end, at, at + 1, False) if self._amid_numbers(at) else None
        if self._after_apostrophe(at) or token.folded in lexicon.fillers or token.folded in lexicon.acknowledgements:
            return None
        value = token.folded.upper()
        if len(token.text) == 1:
            if not value.isascii() or (token.folded in lexicon.word_letters and not self._is_said_letter(at)):
                return None
            return Piece(value, token.start, token.end, at, self._spelled(at + 1, token.folded), True)
        if token.folded in lexicon.letters:
            letter = lexicon.letters[token.folded]
            return Piece(letter, token.start, token.end, at, at + 1, False) if self._beside_number(at) else None
        if len(token.text) <= 4 and value.isascii() and len(value) == len(token.text) and self._is_group(token):
            return Piece(value, token.start, token.end, at, at + 1, True) if self._beside_number(at) else None
        return None

    def _spelled(self, at: int, letter: str) -> int:
        """The token after "as in Nancy": its word begins with the letter."""
        at += at < len(self.tokens) and self.tokens[at].text == ","
        for words in self.lexicon.spelling:
            named = at + len(words)
            said = tuple(token.folded for token in self.tokens[at:named])
            if said == words and named < len(self.tokens) and self.tokens[named].folded.startswith(letter):
                return named + 1
        return at - 1 if at and self.tokens[at - 1].text == "," else at

    @staticmethod
    def _is_group(token: Token) -> bool:
        return token.text.isupper() or not set(token.folded) & set("aeiouy")

    def _is_said_letter(self, at: int) -> bool:
        """ "a" and "I" are letters between numbers, and as capitals beside another one or as the last of a sentence."""
        before, after = self._is_number(at - 1), self._is_number(at + 1)
        if before and after:
            return True
        if not self.tokens[at].text.isupper():
            return False
        return self._is_letter(at - 1) or self._is_letter(at + 1) or (before and self._ends_sentence(at + 1))

    def _amid_numbers(self, at: int) -> bool:
        return self._is_number(at - 1) or self._is_number(at + 1)

    def _beside_number(self, at: int) -> bool:
        """Next to a digit or to another letter of its kind, commas and hyphens apart."""
        return any(
            self._is_number(self._over_marks(at, step)) or self._is_letter(self._over_marks(at, step))
            for step in (-1, 1)
        )

    def _over_marks(self, at: int, step: int) -> int:
        at += step
        while 0 <= at < len(self.tokens) and self.tokens[at].text in ("-", ",", ".", "/"):
            at += step
        return at

    def _is_letter(self, at: int) -> bool:
        if not 0 <= at < len(self.tokens):
            return False
        token = self.tokens[at]
        return token.kind == "word" and len(token.text) == 1 and token.folded not in self.lexicon.word_letters

    def _is_number(self, at: int) -> bool:
        if not 0 <= at < len(self.tokens) or at in self.dated:
            return False
        token = self.tokens[at]
        if token.kind in ("digits", "mixed"):
            return True
        # The last word of a numeral is one too, or close enough: "treinta y cuatro, ka".
        return token.folded in self.lexicon.repeats or self.lexicon.numeral(self.tokens, at) is not None

    def _after_apostrophe(self, at: int) -> bool:
        """The c of "c'est", the s of "that's"."""
        near = [self.tokens[i] for i in (at - 1, at + 1) if 0 <= i < len(self.tokens)]
        return any(t.text in ("'", "’") and not (t.spaced and t.start > self.tokens[at].start) for t in near)

    def _is_clock(self, at: int) -> bool:
        """10:30, and the parts of it."""
        for colon, digits in ((at + 1, at + 2), (at - 1, at - 2)):
            if min(colon, digits) >= 0 and max(colon, digits) < len(self.tokens) and self.tokens[colon].text == ":":
                other, here = self.tokens[digits], self.tokens[max(at, colon, digits)]
                if (
                    other.kind == "digits"
                    and not here.spaced
                    and len(other.text) <= 2
                    and len(self.tokens[at].text) <= 2
                ):
                    return True
        return False

    def _is_quantity(self, piece: Piece) -> bool:
        """Money, percentages, measures, large round numbers: what stands right before or after says so."""
        before = self.tokens[piece.first - 1] if piece.first else None
        if before is not None and (before.text in _CURRENCY or before.folded in self.lexicon.before_quantities):
            return True
        after = piece.after
        if after + 1 < len(self.tokens) and self.tokens[after].text in ".," and not self.tokens[after + 1].spaced:
            # 849.50 dollars
            after += 2 if self.tokens[after + 1].kind == "digits" else 0
        if after >= len(self.tokens):
            return False
        following = self.tokens[after]
        word = following.folded
        # A single letter is a unit only where it is written to the number: "5m", but "N M four four".
        said = len(word) > 1 and (word in self.lexicon.units or word in self.lexicon.magnitudes)
        return following.text in _AFTER_QUANTITY or (said and any(c.isdecimal() for c in piece.value))

    def _add(self, piece: Piece) -> None:
        too_long = len(self.pieces) >= _LONGEST_RUN
        if piece.value == "+" or too_long:
            self._end()
            self.goes_on = too_long
        if self.pieces:
            self.gaps.append(self.gap)
        self.pieces.append(piece)
        self.gap, self.waiting = CLOSE, 0

    def _pass(self, at: int) -> int:
        """One token that is no number: glue, or the end of the run."""
        token = self.tokens[at]
        if not self.pieces:
            return at + 1
        self.waiting += 1
        if at in self.dated or self.waiting > _LONGEST_GAP:
            self._end()
        elif token.ends and token.text != "?":
            self.gap = PARTED
        elif token.folded in self.lexicon.fillers or token.text in _GLUE:
            tight = token.text not in ",…;" and token.kind == "mark"
            self.gap = max(self.gap, CLOSE if tight else PAUSED)
        elif token.folded in self.lexicon.acknowledgements:
            # "4471. Mhm. 9023": the other only says go on, and the number does.
            self.gap = PAUSED
            self.waiting -= 1
        elif (token.folded in self.lexicon.conjunctions and self._is_number(at + 1) and self.waiting == 1) or (
            token.text in "?!:" and self._speaks_on(at + 1)
        ):
            self.gap = PARTED
        else:
            self._end()
        return at + 1

    def _speaks_on(self, at: int) -> bool:
        """Whether a "mhm" or the like follows: only then a question mark is one in the middle of a number."""
        return at < len(self.tokens) and self.tokens[at].folded in self.lexicon.acknowledgements

    def _end(self) -> None:
        if any(c.isdecimal() for piece in self.pieces for c in piece.value):
            self.done.append(Run(tuple(self.pieces), tuple(self.gaps), self.goes_on))
        self.pieces, self.gaps, self.gap, self.waiting, self.goes_on = [], [], CLOSE, 0, False

    def _ends_sentence(self, at: int) -> bool:
        return at >= len(self.tokens) or self.tokens[at].ends
