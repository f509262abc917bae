"""A small language of the project's own: English sentences whose probabilities are known.

A sentence has a topic, a tense, a form (a statement, a denial or a question) and a subject of one
number. They show all over it: nouns and verbs are those of the topic, articles and nouns of the
subject agree in number, the verb agrees with the subject across a relative clause. So they are
worth a latent. Every sentence has one derivation, hence the probability of that derivation.
"""

from functools import lru_cache
from itertools import product
from random import Random
from typing import NamedTuple

from betafront.data.text.pcfg import Grammar, Rule

PEOPLE, THINGS, PLACES, ACTS, DOINGS = range(5)
WORDS = {  # of each topic: people, things, places, what is done to things, and what is just done
    "kitchen": (
        "cook baker guest waiter helper butcher", "soup pan loaf onion plate spoon",
        "kitchen oven cellar table", "roast heat taste serve slice pour", "cough smile",
    ),
    "harbour": (
        "sailor pilot diver trader captain fisher", "boat net anchor rope barrel sail",
        "harbour pier island deck", "haul load lower mend moor paint", "float drift",
    ),
    "farm": (
        "farmer shepherd miller hunter gardener rider", "cow field plough fence horse hen",
        "farm barn orchard meadow", "plant water gather milk guard roof", "toil rest",
    ),
    "court": (
        "judge lawyer jailer clerk robber ruler", "letter verdict law ring document witness",
        "court prison palace office", "sign reject defend seal accept record", "plead object",
    ),
    "theatre": (
        "actor singer dancer poet drummer clown", "song mask costume curtain play drum",
        "theatre stage tent garden", "rehearse perform follow announce like praise", "bow laugh",
    ),
    "school": (
        "teacher pupil scholar parent reader student", "lesson novel pencil map chart exam",
        "school library yard hall", "explain copy answer learn study mark", "listen whisper",
    ),
}  # fmt: skip
TOPICS = tuple(WORDS)
NUMBERS = ("one", "several")
TENSES = ("present", "past")
FORMS = {"statement": 0.7, "denial": 0.15, "question": 0.15}
ARTICLES = {
    "one": "the a this every", "several": "the some these many",
}  # fmt: skip
MOODS = "clever quiet proud merry clumsy cheerful"
AGES = "old young new ancient"
MANNERS = "slowly again gladly today alone outside"
NEARS = "in near behind beside"
IRREGULAR = {"loaf": "loaves"}
DO = {("present", "one"): "does", ("present", "several"): "do"}
FACTORS = ("topic", "number", "tense", "form")
MOOD, AGE, MANNER, NEAR = "mood/", "age/", "manner/", "near/"  # symbols

RELATIVE, TRANSITIVE, DESCRIBED, MORE, AGAIN = 0.25, 0.92, 0.25, 0.5, 0.05
"""The parts of subjects with a relative clause, of verbs with an object, of nouns with each kind of
adjective, of clauses with a place or a manner, and of those with another clause after them."""


class Kind(NamedTuple):
    """What varies behind a sentence."""

    topic: str
    number: str
    tense: str
    form: str


KINDS = tuple(Kind(*each) for each in product(TOPICS, NUMBERS, TENSES, FORMS))


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The language; the rules of its start symbol are those of `KINDS`, in order."""
    share = 1 / (len(TOPICS) * len(NUMBERS) * len(TENSES))
    rules = {"S": [Rule(share * FORMS[k.form], (_of("clauses", *k), _end(k))) for k in KINDS]}
    for kind in KINDS:
        rules |= _clauses(kind)
    for topic in TOPICS:
        rules |= _phrases(topic)
    for symbol, words in ((MANNER, MANNERS), (NEAR, NEARS)):
        rules[symbol] = _any_of(words)
    for symbol, words in ((MOOD, MOODS), (AGE, AGES)):
        some = [Rule(DESCRIBED * word.p, word.parts) for word in _any_of(words)]
        rules[symbol] = [Rule(1 - DESCRIBED, ()), *some]
    for number, articles in ARTICLES.items():
        rules[_of("article", number)] = _any_of(articles)
    return Grammar(rules, "S")


def log_prob(sentence: str) -> float:
    """Ln P of a sentence in nats, without the end of the sentence, which is certain; minus infinity
    where the language has no such sentence.

    Args:
        sentence: words with spaces between them.
    """
    return grammar().log_prob(sentence.split())


def entropy() -> float:
    """The entropy of the language in nats per sentence."""
    return grammar().entropy


class Sentences(NamedTuple):
    """Sentences that were drawn.

    Attributes:
        words: of each.
        log_p: of each, in nats.
        factors: of each, the places of its `FACTORS` among their values.
    """

    words: list[tuple[str, ...]]
    log_p: list[float]
    factors: list[tuple[int, int, int, int]]


def sentences(n: int, seed: int) -> Sentences:
    """`n` independent draws of the language."""
    random, language = Random(seed), grammar()
    drawn = [language.sentence(random) for _ in range(n)]
    places = list(product(*map(range, map(len, (TOPICS, NUMBERS, TENSES, FORMS)))))
    return Sentences(
        [one.words for one in drawn], [one.log_p for one in drawn],
        [places[one.first] for one in drawn],  # type: ignore[misc]
    )  # fmt: skip


def _clauses(kind: Kind) -> dict[str, list[Rule]]:
    """The clauses of a sentence of one kind, one after the other with "and" between them."""
    topic, number, tense, form = kind
    subject, rest = _of("subject", topic, number, tense), _of("rest", topic)
    helper = DO.get((tense, number), "did")
    base = _of("act", topic, "base"), _of("doing", topic, "base")
    told = _of("act", topic, tense, number), _of("doing", topic, tense, number)
    act, doing = told if form == "statement" else base
    before, between = {
        "statement": ((), ()),
        "denial": ((), (helper, "not")),
        "question": ((helper,), ()),
    }[form]
    clause = _of("clause", *kind)
    return {
        _of("clauses", *kind): [
            Rule(1 - AGAIN, (clause,)),
            Rule(AGAIN, (clause, "and", _of("clauses", *kind))),
        ],
        clause: [
            Rule(TRANSITIVE, (*before, subject, *between, act, _of("thing", topic), rest)),
            Rule(1 - TRANSITIVE, (*before, subject, *between, doing, rest)),
        ],
    }


def _phrases(topic: str) -> dict[str, list[Rule]]:
    """What the sentences of a topic are made of."""
    words = WORDS[topic]
    rest, thing = _of("rest", topic), _of("thing", topic)
    rules = {
        rest: [
            Rule(1 - MORE, ()),
            Rule(MORE / 2, (MANNER,)),
            Rule(MORE / 2, (NEAR, _of("place", topic), rest)),
        ],
        thing: [Rule(1 / 2, (_of("noun", topic, str(THINGS), number),)) for number in NUMBERS],
        _of("place", topic): [Rule(w.p, ("the", *w.parts)) for w in _any_of(words[PLACES])],
    }
    for verb, column in (("act", ACTS), ("doing", DOINGS)):
        rules[_of(verb, topic, "base")] = _any_of(words[column])
    for number in NUMBERS:
        for column in (PEOPLE, THINGS):
            rules |= _nouns(topic, column, number)
        for tense in TENSES:
            for verb, column in (("act", ACTS), ("doing", DOINGS)):
                forms = " ".join(_verb(w, tense, number) for w in words[column].split())
                rules[_of(verb, topic, tense, number)] = _any_of(forms)
            noun = _of("noun", topic, str(PEOPLE), number)
            relative = ("that", _of("act", topic, tense, number), thing)
            rules[_of("subject", topic, number, tense)] = [
                Rule(1 - RELATIVE, (noun,)),
                Rule(RELATIVE, (noun, *relative)),
            ]
    return rules


def _nouns(topic: str, column: int, number: str) -> dict[str, list[Rule]]:
    """An article, perhaps adjectives, and a noun, which agree in number."""
    nouns = [w if number == "one" else _several(w) for w in WORDS[topic][column].split()]
    before = _of("article", number), MOOD, AGE
    return {
        _of("noun", topic, str(column), number): [
            Rule(noun.p, (*before, *noun.parts)) for noun in _any_of(" ".join(nouns))
        ]
    }


def _of(*names: str) -> str:
    """The name of a symbol, which no word has."""
    return "/".join(names) + "/"


def _end(kind: Kind) -> str:
    return "?" if kind.form == "question" else "."


def _any_of(words: str) -> list[Rule]:
    """One of some words, the k-th of them 1/(k+1) as likely as the first (Zipf)."""
    each = words.split()
    weights = [1 / (k + 2) for k in range(len(each))]
    return [Rule(w / sum(weights), (word,)) for w, word in zip(weights, each, strict=True)]


def _several(noun: str) -> str:
    return IRREGULAR.get(noun, noun + ("es" if noun.endswith(("s", "x", "ch")) else "s"))


def _verb(verb: str, tense: str, number: str) -> str:
    """A regular verb, in the third person."""
    soft = verb.endswith("y") and verb[-2] not in "aeou"
    if tense == "past":
        return verb[:-1] + "ied" if soft else verb + ("d" if verb.endswith("e") else "ed")
    if number == "several":
        return verb
    return verb[:-1] + "ies" if soft else verb + ("es" if verb.endswith("s") else "s")
