"""Stems and languages."""

from __future__ import annotations

import threading

import pytest

from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.search.stemming import LANGUAGES, detect_language, get_stemmer

_SENTENCES = {
    "cs": "Kočka sedí na střeše a dívá se do zahrady, protože tam viděla ptáka, který je velký.",
    "da": "Katten sidder på taget og kigger efter en fugl, som ikke blev bange af den.",
    "de": "Die Katze sitzt auf dem Dach, weil sie dort einen Vogel gesehen hat.",
    "en": "What laws must be obeyed when models of heated high speed aircraft are made?",
    "es": "El gato está sentado en el tejado y mira el jardín porque ha visto un pájaro.",
    "fi": "Kissa istuu katolla, koska se on nähnyt linnun, joka ei ole enää siellä.",
    "fr": "Le chat est assis sur le toit et regarde le jardin parce qu'il a vu un oiseau.",
    "hu": "A macska a tetőn ül és a kertet nézi, mert látott egy madarat, de az már nem volt ott.",
    "it": "Il gatto è seduto sul tetto e guarda il giardino perché ha visto un uccello.",
    "nl": "De kat zit op het dak en kijkt naar de tuin omdat hij daar een vogel heeft gezien.",
    "no": "Katten sitter på taket og ser etter en fugl som ikke ble redd av den, men var borte.",
    "pl": "Kot siedzi na dachu i patrzy na ogród, ponieważ widzi ptaka, który nie jest duży.",
    "pt": "O gato não está no telhado, mas olha para o jardim da casa e vê um pássaro.",
    "ro": "Pisica stă pe acoperiș și se uită în grădină pentru că a văzut o pasăre.",
    "ru": "Кошка сидит на крыше и смотрит в сад, потому что она увидела там птицу.",
    "sv": "Katten sitter på taket och tittar efter en fågel som inte blev rädd för den.",
    "tr": "Kedi çatıda oturuyor ve bir kuş gördüğü için bakıyor, ama kuş çok daha uzak bir yerde.",
}


def test_every_language_has_an_example() -> None:
    assert set(_SENTENCES) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert detect_language(_SENTENCES[language]) == language


@pytest.mark.parametrize(
    "text",
    ["", "boundary layer", "日本語のテキスト", "INSERT UPDATE DELETE 500", "\0" * 1000, "de de de"],
)
def test_a_text_that_does_not_tell_has_no_language(text: str) -> None:
    assert detect_language(text) == ""


def test_two_languages_in_equal_parts_are_none() -> None:
    mixed = "the and of is that " * 20 + "der und ist nicht dass " * 20
    assert detect_language(mixed) == ""


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    assert detect_language(_SENTENCES["en"] * 500 + _SENTENCES["de"] * 100_000) == "en"


@pytest.mark.parametrize(
    ("language", "words", "stem"),
    [
        ("en", ("layer", "layers", "LAYERED"), "layer"),
        ("de", ("Häuser", "Hause", "haus"), "haus"),
        ("fr", ("continuellement", "continuelle", "continuel"), "continuel"),
    ],
)
def test_forms_of_a_word_share_a_stem(language: str, words: tuple[str, ...], stem: str) -> None:
    assert {get_stemmer(language).stem(word) for word in words} == {stem}


@pytest.mark.parametrize("language", ["", *LANGUAGES])
@pytest.mark.parametrize("word", ["x", "s", "ing", "\ud800", "漢字", "a" * 10_000, "x86", "don't"])
def test_no_word_loses_its_stem(language: str, word: str) -> None:
    assert get_stemmer(language).stem(word)


def test_without_a_language_a_word_stays() -> None:
    assert get_stemmer("").stem("Layers") == "layers"


def test_an_unknown_language_is_a_fault() -> None:
    with pytest.raises(ValueError, match="xx"):
        get_stemmer("xx")


def test_threads_share_a_stemmer() -> None:
    stemmer = get_stemmer("en")
    words = [f"running{number}s" for number in range(2000)]
    alone = [stemmer.stem(word) for word in words]
    stemmer._kept.clear()
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append([stemmer.stem(word) for word in words]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4


def test_kept_stems_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("altus4_desktop.search.stemming._KEPT_STEMS", 100)
    stemmer = get_stemmer("fi")
    for number in range(1000):
        stemmer.stem(f"sana{number}")
    assert len(stemmer._kept) <= 100


def test_every_language_has_a_name() -> None:
    assert set(LANGUAGE_NAMES) == set(LANGUAGES)
