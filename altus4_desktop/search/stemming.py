"""Words reduced to stems, by language, and which language a text is in.

The stems are those of the Snowball algorithms (https://snowballstem.org), by PyStemmer. The
language is told by function words: the few dozen words that every text of a language is full of.
Titles and rows are too short, and too full of names, for what a language model of letters needs,
and a wrong guess costs more than none: a text that does not tell has no language, and no stems.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice

from altus4_desktop.search.words import word_pattern

# ISO 639-1 to the name of the Snowball algorithm.
_ALGORITHMS: Mapping[str, str] = {
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
LANGUAGES = tuple(_ALGORITHMS)

_FUNCTION_WORDS: Mapping[str, str] = {
    "cs": "a v se na je že s z o i k do by to jsou za od pro ve po který která které jako nebo ale "
    "při tak být jeho může byl byla bylo aby také však jen už není než podle jsem této",
    "da": "og i at det en til er som på de med af for ikke den et har der kan om var fra efter "
    "eller ved men også blev hvor når skal man over være mellem mere nogle denne hvad deres",
    "de": "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch "
    "es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so "
    "zum war haben nur oder aber vor zur bis mehr durch wenn diese kann ich wir",
    "en": "the of and to in a is that for it as was with be by on not he his but at are this have "
    "from or had an they which you were there been their has would what will if can all her she "
    "when who more no so its than other into these may only such how does do we i your my about",
    "es": "de la que el en y a los se del las por un para con no una su al lo como más pero sus le "
    "ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde "
    "todo nos durante es son fue ser está han cómo qué",
    "fi": "ja on ei se että oli hän joka kuin ovat myös mutta ole niin sen mukaan tai sekä kun "
    "jotka voi olla vain jos siitä hänen kanssa jo myöskin tämä tämän ne niitä mitä olisi sitä "
    "eivät vielä ollut kuitenkin joita nyt sitten",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce "
    "il sont avec ou son aux mais comme on tout nous sa été cette ces être fait leur même ont "
    "elle peut entre deux je vous y sans quel où",
    "hu": "a az és hogy nem is egy ez meg van volt csak de már még mint vagy ha azt el ki sem kell "
    "be lehet ezt lesz ami amely után minden pedig szerint által volna között való nagyon mert "
    "így fel majd arra",
    "it": "di e il la che in a per un del è non una le si da i con dei della al come sono più alla "
    "nel anche lo gli ma delle ha o dal nella se su ci essere questo questa tra loro stato perché "
    "degli dalla sulla quando cosa dove",
    "nl": "de het een van en in is op te dat die voor met zijn niet aan er om ook als bij maar of "
    "door over uit naar dan worden wordt nog wel heeft hij deze tot zij kan was werd hebben meer "
    "geen al geen onder wat zich ik je hoe",
    "no": "og i det er til som på en av for at med ikke den har de et om fra var kan men ble eller "
    "seg også vil ved skal etter hvor når mellom mer dette over noen bare være sin hva mot deres",
    "pl": "w i na z się do nie jest że to o od za przez po jako dla są jak lub oraz ale być który "
    "która które tym tego przy może tak jego było był ich tylko ze też między czy jej już co "
    "także",
    "pt": "de a que o e do da em um para com não uma os no se na por mais as dos como mas ao das à "
    "ou seu sua foi são é entre quando muito nos já também pelo pela até isso ela ele depois sem "
    "mesmo aos ser está tem",
    "ro": "de în și a la cu pe din nu care este un o că mai pentru ca să se sau fost sunt prin dar "
    "ce al ale după lui fi către cel ei acest această este fără între avea despre cum când iar",
    "ru": "и в не на что с по как но к из у за от это так для он же его о бы все было она только "
    "или при мы их уже еще был если до также может быть есть который которые этого чтобы была "
    "были между после где",
    "sv": "och i att det som en på är av för med till den har de inte om ett från men vid kan så "
    "var eller när efter också ut över hur sig skulle upp bara mellan vara mycket där hade alla "
    "andra denna vad blir under",
    "tr": "ve bir bu da de için ile olarak çok daha olan gibi en kadar ne var ama sonra o her "
    "değil ki veya göre ya ise tarafından hem mi diye şey nasıl olduğu ancak bunu bunun",
}
# A page of text is plenty; a cell may have 16 million characters.
_MAX_CHARS = 20_000
_MAX_WORDS = 1500
_LEAST_HITS = 3
_LEAST_SHARE = 0.06
_LEAST_LEAD = 1.4
_KEPT_STEMS = 50_000


class Stemmer:
    """Stems words of ``language`` ("" leaves them as they are); for any thread."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._kept: dict[str, str] = {}
        self._lock = threading.Lock()
        self._snowball = None
        if language:
            from Stemmer import Stemmer as Snowball

            # It shall keep no words itself: ours are kept without the lock that it needs.
            self._snowball = Snowball(_ALGORITHMS[language], 0)

    def stem(self, word: str) -> str:
        """The stem of ``word``, in lower case."""
        kept = self._kept.get(word)
        if kept is not None:
            return kept
        stem = word.lower()
        if self._snowball is not None:
            # A lone surrogate is no text for the library.
            readable = stem.encode("utf-8", "replace").decode()
            with self._lock:
                # An algorithm may leave nothing of an odd word, which would match everything.
                stem = self._snowball.stemWord(readable) or stem
        if len(self._kept) >= _KEPT_STEMS:
            self._kept.clear()
        self._kept[word] = stem
        return stem


@cache
def get_stemmer(language: str) -> Stemmer:
    """The stemmer of ``language``, one of `LANGUAGES` or ""; raises ValueError for another."""
    if language and language not in _ALGORITHMS:
        raise ValueError(language)
    return Stemmer(language)


@cache
def function_words(language: str) -> frozenset[str]:
    """The words that every text of ``language`` is full of; none for a language not known."""
    return frozenset(_FUNCTION_WORDS.get(language, "").split())


def detect_language(text: str) -> str:
    """The language of ``text``, one of `LANGUAGES`; "" when it does not tell."""
    words = word_pattern().finditer(text[:_MAX_CHARS])
    return _language_of(found.group().lower() for found in islice(words, _MAX_WORDS))


def _language_of(words: Iterable[str]) -> str:
    hits = dict.fromkeys(_ALGORITHMS, 0)
    points = dict.fromkeys(_ALGORITHMS, 0.0)
    total = 0
    speakers = _speakers()
    for word in words:
        total += 1
        known = speakers.get(word, ())
        for language in known:
            hits[language] += 1
            # A word of many languages tells less.
            points[language] += 1 / len(known)
    best, second = sorted(points, key=lambda language: -points[language])[:2]
    sure = (
        hits[best] >= _LEAST_HITS
        and points[best] >= _LEAST_SHARE * total
        and points[best] >= _LEAST_LEAD * points[second]
    )
    return best if sure else ""


@cache
def _speakers() -> Mapping[str, tuple[str, ...]]:
    """Which languages have each function word."""
    speakers: dict[str, tuple[str, ...]] = {}
    for language, words in _FUNCTION_WORDS.items():
        for word in dict.fromkeys(words.split()):
            speakers[word] = (*speakers.get(word, ()), language)
    return speakers
