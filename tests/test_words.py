"""One language: what has a name in the field is called by it, in names and texts alike."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = [
    path
    for folder in ("kgan", "train", "export", "kgan_cli")
    for path in (ROOT / folder).rglob("*.py")
]
# What kgan once called things, and what they are called.
OLD_WORDS = {
    r"\bjudg(e|es|ed|ing)\b": "discriminator pass, logits",
    r"\bsteep\w*|\bslopes?\b(?! 0\.2)": "gradient norm; LeakyReLU alone has a slope",
    r"\b(pays?|paid|paying)\b": "penalty",
    r"\bMovingAverage\b|\bin_place_of\b": "EMA, ExponentialMovingAverage",
    r"\bdetours?\b|\bgoing back\b|\bgone another way\b|\bgo(es)? back\b": "rollback",
    r"\btold\b": "condition, conditioning",
    r"\bsought\b|\bgone to\b": "seek",
    r"\bfuse\b": "FusedAdam",
    r"\bvitals\b": "collapse metrics",
    r"\bgist\b": "error summary",
    r"\blengthen\w*": "extend",
    r"\breplaced_when_whole\b": "atomic_write",
    r"\bunusually.near\b": "near-duplicate rate",
    r"\bfurthest\b": "largest class imbalance",
    r"black and white (are|become)": "pixel value range",
    r"stands behind": "the value after the slash",
}


@pytest.mark.parametrize("pattern", OLD_WORDS, ids=lambda pattern: pattern[:20])
def test_old_words_are_gone(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert not found, f"write: {OLD_WORDS[pattern]}"


def test_the_patterns_notice_what_they_forbid():
    line = "Judge, steep slopes, pays, told, sought, gist, lengthened, unusually near"
    assert sum(bool(re.search(p, line, re.IGNORECASE)) for p in OLD_WORDS) == 8
