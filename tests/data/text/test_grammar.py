"""The language of the project's own: probabilities, entropy, and what its sentences show."""

import math
import statistics
from random import Random

import pytest

from betafront.data.text import grammar
from betafront.data.text.pcfg import Grammar, Rule
from betafront.errors import UserError

DRAWN = grammar.sentences(1500, seed=3)


def test_the_entropy_of_a_chain_is_that_of_its_geometric_length() -> None:
    p = 0.7
    chain = Grammar({"S": [Rule(p, ("a", "S")), Rule(1 - p, ("b",))]}, "S")
    binary = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert chain.entropy == pytest.approx(binary / (1 - p), rel=1e-12)
    assert chain.log_prob(["a", "a", "b"]) == pytest.approx(2 * math.log(p) + math.log(1 - p))
    assert chain.log_prob(["a"]) == -math.inf


def test_an_ambiguous_sentence_has_the_probability_of_all_its_derivations() -> None:
    twice = Grammar(
        {"S": [Rule(0.5, ("A",)), Rule(0.3, ("a",)), Rule(0.2, ("b",))], "A": [Rule(1, ("a",))]},
        "S",
    )
    assert twice.log_prob(["a"]) == pytest.approx(math.log(0.8))


def test_rules_that_give_no_distribution_are_refused() -> None:
    with pytest.raises(UserError, match="do not add up to 1"):
        Grammar({"S": [Rule(0.5, ("a",))]}, "S")
    endless = Grammar({"S": [Rule(0.6, ("S", "S")), Rule(0.4, ("a",))]}, "S")
    with pytest.raises(UserError, match="no mean length"):
        assert endless.entropy


def test_every_sentence_has_one_derivation() -> None:
    for words, log_p in list(zip(DRAWN.words, DRAWN.log_p, strict=True))[:60]:
        assert grammar.log_prob(" ".join(words)) == pytest.approx(log_p, rel=1e-9)


def test_the_mean_of_minus_log_p_is_the_entropy() -> None:
    nats = [-log_p for log_p in DRAWN.log_p]
    error = statistics.stdev(nats) / math.sqrt(len(nats))
    assert abs(statistics.mean(nats) - grammar.entropy()) < 4 * error
    assert error < 0.02 * grammar.entropy()


def test_the_words_of_a_sentence_are_of_its_topic_and_agree() -> None:
    own = {t: {w for part in parts for w in part.split()} for t, parts in grammar.WORDS.items()}
    for words, (topic, number, tense, form) in zip(DRAWN.words, DRAWN.factors, strict=True):
        for other, foreign in own.items():
            assert other == grammar.TOPICS[topic] or not foreign & set(words)
        if list(grammar.FORMS)[form] == "statement":
            articles = grammar.ARTICLES[grammar.NUMBERS[number]].split()
            assert words[0] in articles
        helpers = {"did", "do", "does"} & set(words)
        assert ("did" in helpers) <= (grammar.TENSES[tense] == "past")
        assert bool(helpers) == (list(grammar.FORMS)[form] != "statement")
        assert (words[-1] == "?") == (list(grammar.FORMS)[form] == "question")


def test_a_sentence_that_does_not_agree_is_none() -> None:
    assert grammar.log_prob("the cook tastes the soup .") > -math.inf
    for wrong in (
        "the cook taste the soup .",
        "these cook tastes the soup .",
        "the cook that load the soup tastes the soup .",
        "the cook tastes the boat .",
        "the cook tastes the soup",
    ):
        assert grammar.log_prob(wrong) == -math.inf


def test_the_same_seed_draws_the_same_sentences() -> None:
    again = grammar.sentences(20, seed=3)
    assert again.words == DRAWN.words[:20]
    assert grammar.sentences(20, seed=4).words != again.words
    one = grammar.grammar().sentence(Random(3))
    assert one.words == DRAWN.words[0]
