"""A run on sentences: its folder shows text, its result what is true, and its export takes text."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.sentences import sentences

import betafront
from betafront.api.trained_run import TrainedRun
from betafront.data.text import grammar
from betafront.data.text.texts import PAIRS, SAMPLES, STEPS
from betafront.errors import UserError
from betafront.metrics.zero_rate import zero_rate
from betafront.models import sentence
from betafront.objective import Words
from betafront.study.branch_check import _reference
from betafront.study.display.gallery import WIDEST, excerpt, shown, truth
from betafront.training import Run
from betafront.training.folder import RunFolder

TEXT = (
    "data=text", "data.sentences=3000", "data.val=0.04", "data.test=0.04", "trainer.steps=12",
    "trainer.accelerator=cpu", "metrics.samples=1",
)  # fmt: skip
TINY = (*TEXT, "model.embedding=8", "model.hidden=12", "model.latents=3")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    folder = tmp_path_factory.mktemp("text") / "run"
    return betafront.train(*TINY, folder=folder, quiet=True)


def blocks(run: TrainedRun, kind: str) -> list[list[str]]:
    text = (run.pictures / f"{kind}.txt").read_text()
    return [block.splitlines() for block in text.rstrip().split("\n\n")[1:]]


def test_the_folder_shows_text_and_no_pictures_of_examples(run: TrainedRun) -> None:
    data = run.made.data
    names = {path.name for path in run.pictures.iterdir()}
    assert {"reconstructions.txt", "interpolations.txt", "samples.txt"} <= names
    assert not names & {"reconstructions.png", "samples.png", "traversals.png"}
    given = [data.preparation.back(x[None])[0] for x in data.examples("val", 12)]
    rows = blocks(run, "reconstructions")
    assert [row[0].split(maxsplit=1) for row in rows] == [["given", text] for text in given]
    assert all([line.split()[0] for line in row[1:]] == ["greedy", "sampled"] for row in rows)
    ways = blocks(run, "interpolations")
    assert len(ways) == PAIRS
    labels = [line.split()[0] for line in ways[0]]
    assert labels == ["from", "0%", "20%", "40%", "60%", "80%", "100%", "to"]
    assert len(labels) == STEPS + 2
    assert ways[0][0].split(maxsplit=1)[1] == given[0]
    assert len(blocks(run, "samples")) == SAMPLES


def test_what_is_shown_is_what_the_model_makes(run: TrainedRun) -> None:
    rows, model = blocks(run, "reconstructions"), run.model
    given = [row[0].split(maxsplit=1)[1] for row in rows]
    greedy = [row[1].partition(" ")[2].strip() for row in rows]
    assert [text or "(nothing)" for text in model.reconstruct(given)] == greedy


def test_the_result_has_what_is_true_of_the_sentences(run: TrainedRun) -> None:
    kept = json.loads(RunFolder(run.folder).result.read_text())
    known = truth(run.folder)
    assert known is not None
    assert known.entropy == kept["data"]["entropy"] == pytest.approx(grammar.entropy())
    assert run.metrics["val/negative_elbo"] > known.nll
    assert run.scale.pixels == run.made.data.dims
    assert kept["data"]["symbols"] == run.made.data.symbols
    tokens = kept["data"]["tokens"]["val"]
    per_token = run.metrics["val/negative_elbo"] / tokens
    assert run.metrics["val/nll_per_token"] == pytest.approx(per_token)


def test_the_same_seed_gives_the_same_text(run: TrainedRun, tmp_path: Path) -> None:
    run.made.data.show(run.model.vae, run.result, tmp_path / "again")
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (run.pictures / path.name).read_bytes()
    assert len([*(tmp_path / "again").iterdir()]) == 3


def test_the_report_takes_the_text_of_a_run(run: TrainedRun, tmp_path: Path) -> None:
    found = shown(3, run.folder, 200)
    assert found.pictures == {}
    assert set(found.texts) == {"reconstructions", "interpolations", "samples"}
    assert found.texts["samples"].startswith("greedy ")
    lengths = [len(line) for text in found.texts.values() for line in text.splitlines()]
    assert max(lengths) <= WIDEST + len(" …")
    assert found.texts["reconstructions"].count("given ") == 4
    lines = excerpt(run.pictures / "reconstructions.txt", 1).splitlines()
    assert [line.split()[0] for line in lines] == ["given", "greedy", "sampled"]
    assert shown(3, tmp_path, 200).texts == {}
    assert truth(tmp_path) is None


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a Gaussian": (("likelihood=gaussian",), "Gaussian is for numbers, .* use likelihood=words"),
    "a model of images": (("model=conv",), "model=conv is for"),
    "a metric of images": (("metrics=latent",), "PSNR and SSIM are for images"),
    "a squared error": (
        ("controller=geco", "controller.watches=mse", "controller.target=1"), "mse",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_for_sentences_is_refused(case: str, own_place: Path) -> None:
    words, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as refused:
        betafront.train(*TEXT, *words, folder=own_place / "run", quiet=True)
    assert "\n" not in str(refused.value)


def test_a_line_that_is_wrong_ends_the_command_with_its_place(
    betafront: Callable[..., Any], own_place: Path
) -> None:
    (own_place / "plays.txt").write_text("to be\n\nor not to be\n")
    said = betafront("train", "data=text", "data.path=plays.txt", "hydra.run.dir=run")
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "data.path: plays.txt, line 2 is empty" in line


def test_an_exported_model_takes_and_gives_sentences(run: TrainedRun, own_place: Path) -> None:
    model: Any = run.model
    z = model.encode(["the cook tastes the soup .", "a teacher wept ."])
    assert z.shape == (2, 3)
    assert [isinstance(text, str) for text in model.decode(z)] == [True, True]
    assert len(model.sample(4, seed=0)) == 4
    with pytest.raises(UserError, match="give a list of strings"):
        model.encode([1.0, 2.0])


def test_the_reference_of_a_perplexity_is_that_of_independent_words(
    make_run: Callable[..., Run],
) -> None:
    model = partial(sentence, latents=2, embedding=4, hidden=6)
    run = make_run(data=sentences(), architecture=model, likelihood=Words)
    named = {f"val/{name}": "minimize" for name in ("perplexity", "iwae_perplexity_4", "iwae_4")}
    one, bound, nats = _reference(named, run, (2,))
    floor = zero_rate(run.p_x(), run.data.examples("train"), run.data.examples("val"))
    assert (one, bound, nats) == (floor["perplexity"], floor["perplexity"], floor["distortion"])
