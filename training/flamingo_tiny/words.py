"""Names: invented words, permuted real words, articles and plurals."""
import random

from .scenes import COLOURS, SHAPES

NUMBERS = ["zero", "one", "two", "three", "four", "five"]
CONSONANTS, VOWELS = "bdfgklmnprstvwz", "aeiou"
REAL = list(COLOURS) + SHAPES + NUMBERS[1:] + "yes no left right up down cat dog bird fish tree house car boat sun cup hat key box door".split()
LETTERS = list("ABCDEFGHJKLMNPQRSTUVWXYZ")


def invented(rng):
    syllables = rng.choice([1, 1, 2, 2, 3])
    return "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(syllables)) + rng.choice(CONSONANTS + "xk" + "  ").strip()


def invented_words(seed=11, test=200, train=2500):
    """(train, test): no test word is ever a label while training."""
    rng = random.Random(seed)
    words = sorted({w for w in (invented(rng) for _ in range(12000)) if len(w) > 2})
    rng.shuffle(words)
    return words[test:test + train], words[:test]


TRAIN_WORDS, TEST_WORDS = invented_words()


def labels(rng, count, easy):
    """`count` different names. easy: share of episodes whose names are common words or letters (mostly one token)."""
    if rng.random() < easy:
        return rng.sample(REAL + LETTERS, count)
    return rng.sample(TRAIN_WORDS, count)


def a(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def plural(noun):
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in VOWELS else noun + "s"
