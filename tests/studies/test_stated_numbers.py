"""Every number that the guide states of a study is what the study's committed results say."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from betafront.front.one_curve import one_curve
from betafront.weights.projects import PROJECTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("weighting.md", "claims.md")

# What is no result: code, addresses, years, what a formula is made of, and the sizes of the data.
NO_RESULT = re.compile(
    r"```.*?```|<!--.*?-->|`[^`]*`|\]\([^)]*\)|β = [01]\b(?!\.)|σ = 1\b|near [01]\b"
    r"|\b(?:et al\.|since|Viola) (?:19|20)\d\d\b|Figure \d+"
    r"|10,000 short sentences|32 x 32|2 to 32 latents|greater than 1:|below 1 ",
)
# The numbers of a list, and the columns of a table that say what others claim.
OF_LAYOUT = {
    "weighting.md": re.compile(r"^\d+\. ", re.MULTILINE),
    "claims.md": re.compile(r"^\| [^|]*\| [^|]*\|", re.MULTILINE),
}
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?!\w)")


@cache
def table(name: str) -> pd.DataFrame:
    """A committed table, by its path below `studies/`."""
    return pd.read_csv(ROOT / "studies" / name)


def found(name: str) -> Any:
    """A committed finding, by its path below `studies/`."""
    return json.loads((ROOT / "studies" / name).read_text())


def value(name: str, column: str, **where: Any) -> float:
    """A cell of a committed table; dots of the columns' names are written `__`."""
    rows = table(name)
    for key, wanted in where.items():
        have = rows[key.replace("__", ".")]
        rows = rows[have.isna() if wanted is None else have == wanted]
    (cell,) = rows[column]
    return float(cell)


def of_weighting() -> Iterator[str]:
    runs = table("weighting/results/digits/front.csv")
    off = one_curve(runs)
    assert off is not None
    yield f"{len(runs)} runs were written in four conventions"
    yield f"{off.written:.2f} nats (root mean square) off one falling curve"
    yield f"over canonical β {off.canonical:.2f} nats"
    yield f"four conventions lie {off.canonical:.2f} nats off one curve over β"
    yield f"{off.written:.2f} over the weight as written"
    copied = PROJECTS["pytorch-vae"]
    yield f"on its {' x '.join(map(str, copied.shape))} pixels"
    yield f"{copied.weight} corrects"
    yield f"β = {copied.beta:.3f} of a squared error"


def of_sum_or_mean() -> Iterator[str]:
    said = found("sum_or_mean/results/found.json")

    def spread(group: str, place: str) -> list[float]:
        rows = said["spreads"][group]
        (row,) = (each for each in rows if (each["loss"], each["place"]) == ("optimal", place))
        return [row[name] for name in ("sum", "mean (β_norm)", "pixel_mean")]

    def shown(values: list[float]) -> list[str]:
        return [f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in values]

    best = shown(spread("sizes and latents", "best ELBO"))
    rate = shown(spread("sizes and latents", "R = 5 nats"))
    yield f"| best ELBO | {' | '.join(best)} |"
    yield f"| a rate of 5 nats | {' | '.join(rate)} |"
    yield f"rate of 5 nats it differs {rate[1]}-fold, β {rate[0]}-fold, β/N {rate[2]}-fold"
    yield f"at the best ELBO {best[1]}-fold, β {best[0]}-fold"
    cells = [row for row in said["weights"] if (row["loss"], row["written"]) == ("optimal", "sum")]
    ten = [row for row in cells if row["study"] in ("digits", "mnist14", "mnist28", "mnist56")]
    betas = sorted(row["sum"] for row in ten if row["place"] == "best ELBO")
    assert len(betas) == 10
    yield f"near 1: it was between {betas[0]:.2f} and {betas[-1]:.1f} everywhere"
    yield f"the best ELBO was between β = {betas[0]:.2f} and {betas[-1]:.1f} in ten settings"
    sizes = shown(spread("sizes of MNIST, M = 8", "R = 5 nats"))
    yield "over latents: MNIST at 14, 28 and 56 pixels"
    yield f"wants {sizes[2]} times as much at most, where β wants {sizes[0]} times"
    edges = {(row["study"], row["loss"], row["latents"]): row for row in said["collapses"]}
    share = [edges[study, "optimal", 8]["β_c/N"] for study in ("digits", "mnist28")]
    yield f"optimal σ, {share[0]:.2f} for the digits and {share[1]:.2f} for MNIST"
    copied = edges["mnist28", "fixed", 8]
    beta, c = 0.1 * 784 / 8, copied["β_c"]
    assert copied["dead from"] >= beta > c > copied["alive to"]
    yield (
        f"often-copied 0.1 is β = {beta:.1f} for MNIST and eight latents, above its β_c of {c:.2f}:"
    )
    yield f"½·MSE + 0.1·mean KL is β = {beta:.1f}, above β_c = {c:.2f}:"
    sizes_of = {row["study"] for row in ten}
    short = [row for row in edges.values() if row["study"] in sizes_of]
    assert not any(row["alive above β_c"] for row in short)
    assert sum(row["dead below β_c"] for row in short) == 5
    assert sum(row["below 0.9 β_c"] for row in short) == 1
    runs = pd.concat(table(f"sum_or_mean/results/{name}.csv") for name in sizes_of)
    yield f"of {(runs['normalisation'] == 'sum').sum()} runs none was alive above"


def of_likelihoods() -> Iterator[str]:
    said = found("likelihoods/results/found.json")
    images = ("mnist", "digits")
    fixed = [said[name]["best fixed"] for name in images]
    assert not any(best["at an end"] for best in fixed)
    sigmas = [best["sigma"] for best in fixed]

    def free(kind: str) -> list[dict[str, Any]]:
        name = f"gaussian, {kind}"
        every = (row for each in images for row in said[each]["precisions"])
        return [row for row in every if row["likelihood"] == name]

    optimal, learned, own = free("optimal σ"), free("learned σ"), free("σ per image")
    above = {
        kind: [row["above the best"][0] for row in rows]
        for kind, rows in (("optimal", optimal), ("learned", learned), ("own", own))
    }
    assert above["optimal"][0] < 0 < above["optimal"][1]
    assert above["learned"][0] < 0 < above["learned"][1]
    yield f"MNIST the optimal σ ends at {optimal[0]['σ']:.3f}, and the best fixed one lies at"
    yield f"{sigmas[0]:.3f}, interpolated"
    yield f"its D + R is {-above['optimal'][0]:.1f} nats above that of the optimal σ"
    yield f"On digits it is {optimal[1]['σ']:.3f} beside {sigmas[1]:.3f}, and the optimal σ"
    yield f"{above['optimal'][1]:.1f} nats above. A fixed"
    worst = {f"{row['σ']:.3g}": row["above the best"][0] for row in free("fixed σ")[:5]}
    yield f"σ = 0.25 costs {worst['0.25']:.0f} nats on MNIST, and σ = 0.09 {worst['0.09']:.0f}."
    yield f"worth another {above['optimal'][0] - above['own'][0]:.0f} nats on MNIST, and nothing"
    yield (
        f"{learned[0]['σ']:.3f} learned and {optimal[0]['σ']:.3f} optimal beside {sigmas[0]:.3f}, "
        f"the least of a curve through five that were fixed (MNIST; digits {learned[1]['σ']:.3f} "
        f"and {optimal[1]['σ']:.3f} beside {sigmas[1]:.3f})"
    )
    yield (
        f"D + R is {-above['learned'][0]:.1f} and {-above['optimal'][0]:.1f} nats below its least, "
        f"on digits {above['learned'][1]:.1f} and {above['optimal'][1]:.1f} above |"
    )

    def at_one(likelihood: str, column: str) -> list[float]:
        rows = (row for each in images for row in said[each]["likelihoods"])
        wanted = (row for row in rows if (row["likelihood"], row["β"]) == (likelihood, "1"))
        return [row[column][0] for row in wanted]

    rate = {
        row["likelihood"]: row["R"][0] for row in said["mnist"]["likelihoods"] if row["β"] == "1"
    }
    four = [
        rate[name]
        for name in ("categorical", "beta", "continuous bernoulli", "discretised logistic")
    ]
    yield f"a rate of {rate['bernoulli']:.1f} nats with the cross-entropy"
    yield f"pixels, {min(four):.1f} to {max(four):.1f} with four others"
    yield f"and {rate['gaussian, optimal σ']:.1f} with the optimal Gaussian"
    best, gauss = (
        at_one("discretised logistic", "bits/dim"),
        at_one("gaussian, optimal σ", "bits/dim"),
    )
    yield f"({best[0]:.2f} and {best[1]:.2f}; the optimal Gaussian"
    yield f"{gauss[0]:.2f} and {gauss[1]:.2f}), and in squared error"
    less = [100 * (1 - ratio) for ratio in at_one("discretised logistic", "beside ½·SSE")]
    yield f"rate it was {less[0]:.0f} and {less[1]:.0f} % below a Gaussian"
    grey, whole = at_one("bernoulli", "R"), at_one("continuous bernoulli", "R")
    yield f"its R is {grey[0]:.1f} nats on MNIST and {grey[1]:.1f} on digits"
    yield f"normalises it {whole[0]:.1f} and {whole[1]:.1f} |"


def of_controllers() -> Iterator[str]:
    said = found("controllers/results/found.json")

    def method(name: str, column: str) -> list[list[float]]:
        rows = (row for images in ("digits", "mnist") for row in said[images]["methods"])
        return [row[column] for row in rows if row["method"] == name]

    def off(name: str, digits: str, mnist: str) -> str:
        small, large = method(name, "off front")
        return (
            f"{abs(small[0]):{digits}} ± {small[1]:{digits}} and "
            f"{abs(large[0]):{mnist}} ± {large[1]:{mnist}}"
        )

    (small, large), held = method("geco", "off front"), off("controlvae", ".2f", ".1f")
    assert method("controlvae", "off front")[0][0] < 0 < small[0]
    assert large[0] < 0
    yield f"({small[0]:.2f} ± {small[1]:.2f} nats above it on digits, on MNIST"
    yield f"{-large[0]:.1f} ± {large[1]:.1f} below), ControlVAE {held} nats below;"
    assert all(mean < 0 for mean, _ in method("ramp", "off front"))
    yield f"a constant weight comes to {off('ramp', '.2f', '.1f')} below"
    shared = [said[images]["at shared targets"] for images in ("digits", "mnist")]
    for name, text in (("capacity", "targets"), ("capacity-half", "of that γ")):
        (mean, error), (mean_m, error_m) = (each[name] for each in shared)
        yield f"{text} {mean:.1f} ± {error:.1f} and {mean_m:.0f} ± {error_m:.0f}"
        assert 0 < mean < mean_m
    rates = [value[0] for value in method("controlvae", "validated")]
    yield f"off by {rates[0]:.2f} nats on digits and {rates[1]:.2f} on MNIST on average"
    distortions = [value[0] for value in method("geco", "validated")]
    yield f"GECO holds by {distortions[0]:.1f} and {distortions[1]:.0f} nats"
    yield f"below it by {held.replace(' and', ' nats on digits and')} on MNIST, where a ramp is"
    capacity = off("capacity", ".1f", ".0f")
    yield f"its distortion is {capacity.replace(' and', ' nats above the front on digits and')} on"


def of_beta_norm() -> Iterator[str]:
    said = found("beta_norm/results/found.json")
    mig = {f"{row['β_norm']:.2g}": row for row in said["sprites"]["over latents"]}
    means = {name: row["mean"] for name, row in mig.items()}
    assert sorted(means, key=lambda name: means[name])[-2:] == ["0.032", "0.1"]
    assert f"{means['0.001']:.2f}" == f"{means['0.32']:.2f}"
    top = f"{means['0.032']:.2f} and {means['0.1']:.2f} ± {mig['0.1']['error']:.2f}"
    yield f"is highest at β_norm = 0.03 and 0.1 ({top}, with"
    yield f"{means['0.001']:.2f} at 0.001 and at 0.32),"
    seeds = said["sprites"]["sd between seeds"]
    yield f"by no more than seeds do ({seeds:.2f})"
    dead = {row["latents"]: row["collapsed from"] for row in said["sprites"]["best"]}
    yield f"from {dead[2]:.2g} on with two latents and from {dead[32]:.2g} with 32 ("
    yield f"(MIG {top} at 0.03 and 0.1, {means['0.001']:.2f} at 0.001 and 0.32), but seeds differ"
    best = [row["β_norm"] for row in said["sprites"]["best"]]
    yield f"by {seeds:.2f}, and of one number of latents the best β_norm lies from {min(best):.2g}"
    yield f"to {max(best):.2g}; on MNIST"
    digit = {f"{row['β_norm']:.2g}": row["mean"] for row in said["mnist"]["over latents"]}
    least = [digit[name] for name in ("0.001", "0.0032", "0.01", "0.032")]
    assert max(least) - min(least) < 0.03 < min(least) - digit["0.1"]
    yield "as well at any β_norm up to 0.03 |"
    yield "A β_norm of 0.1 is no rule"
    yield "Structure is best near β_norm = 0.1"


def of_lengths() -> Iterator[str]:
    studies = found("lengths/results/digits.json")
    first, second = (each for each in studies if each["steps"] == 2000)
    betas = [each["decision"]["beta"] for each in (first, second)]
    runs = first["complete"]
    yield f"one study of {runs} runs is β = {betas[0]:.2f}, of another β = {betas[1]:.2f}"
    valley = second["confirmation"]["verdicts"][0]
    flat = next(
        level["beta"]
        for level in valley["levels"]
        if level["steps"] == 4000 and abs(level["difference"]) < valley["margin"]
    )
    yield f"β = {betas[1]:.1f} to {flat:.1f} is one flat valley"
    short = [each for each in studies if each["steps"] < 2000]
    assert all(each["decision"] is None for each in short)
    steps = sorted({each["steps"] for each in short})
    yield f"Runs of {steps[0]} and of {steps[1]} steps decide nothing"
    yield f"with {steps[0]} or {steps[1]} steps most of the runs that matter were still falling"
    for each in short:
        falling, of = map(int, re.findall(r"(\d+) of (\d+) are still falling", each["refused"])[0])
        assert falling > of / 2
    falling = short[0]["standings"]["still falling"]
    yield f"in one study of {steps[0]} steps {falling} of {short[0]['complete']} runs were still"
    mnist = found("lengths/results/mnist.json")
    assert all(set(each["standings"]) == {"still falling"} for each in mnist)
    yield f"after {mnist[0]['steps']:,} and after {mnist[1]['steps']:,} steps"


def of_annealing() -> Iterator[str]:
    rows = {row[""]: row for row in found("annealing/results/found.json")["digits"]["ends"]}
    objective = rows["D + βR"]
    annealed = [name for name in objective if name not in ("", "constant")]
    assert all(objective[name][0] > 0 for name in annealed)
    said = {name: objective[name] for name in ("linear", "sigmoid")}
    linear, sigmoid = (f"{mean:.2f} ± {error:.2f}" for mean, error in said.values())
    mean, error = objective["cyclical"]
    yield f"linear {linear} nats above it, sigmoid {sigmoid}, cyclical {mean:.1f} ± {error:.1f})"
    more = sorted(rows["R"][name][0] for name in annealed)
    yield f"annealed runs end with {more[0]:.1f} to {more[-1]:.1f} nats more rate"
    yield f"digits: {more[0]:.1f} to {more[-1]:.1f} nats more rate"
    mnist = found("annealing/results/found.json")["mnist"]
    by_beta = {row["β"]: row["linear"][0] for row in mnist["objective by beta"]}
    yield f"at β = 30, below β_c, a linear ramp ends {-by_beta['30']:.0f} nats lower"
    yield f"2,000 steps (at β = 10 {-by_beta['10']:.0f} nats lower)"
    yield f"at β = 3 it ends {by_beta['3']:.1f} nats higher"
    (dead,) = (row for row in mnist["ends"] if row[""] == "collapsed")
    assert dead["constant"] == "2 of 8"
    assert all(dead[name] == "0 of 8" for name in annealed)
    yield "collapsed 2 times of 8,"
    yield "MNIST in 2,000 steps: 2 of 8 runs at a constant weight collapsed"
    yield f"of {8 * len(annealed)} annealed ones none"


def of_sentences() -> Iterator[str]:
    name = "sentences/results/language/front.csv"
    nothing = {"schedule": "constant", "shaping": "plain", "model__word_dropout": 0}

    def test(column: str, **where: Any) -> float:
        return value(name, f"test/{column}", **{**nothing, "trainer__aggressive": None, **where})

    plain, linear = test("rate"), test("rate", schedule="linear")
    both = test("negative_elbo"), test("negative_elbo", schedule="linear")
    assert f"{both[0]:.2f}" == f"{both[1]:.2f}"
    dropped = {"schedule": "sigmoid", "model__word_dropout": 0.5}
    yield f"nothing against it R ends at {plain:.2f} nats, with `schedule=linear` at {linear:.2f}"
    yield f"at the same D + R ({both[0]:.2f} in both)"
    nll = test("iwae_100"), test("iwae_100", **dropped)
    sigmoid = test("iwae_100", schedule="sigmoid")
    yield f"dropped at {test('rate', **dropped):.2f}, where the NLL is {nll[1]:.2f}, of the plain"
    yield f"run {nll[0]:.2f} and of the sigmoid alone {sigmoid:.2f}"
    free = {"shaping": "free_bits"}
    kept = test("rate", **free), test("mutual_information", **free)
    yield f"a rate of {kept[0]:.2f} nats, of which {kept[1]:.2f} tell of the sentence"
    yield f"sentences: R from {plain:.2f} to {linear:.2f} nats at the same D + R"
    cycles = {"schedule": "cyclical"}
    line = test("iwae_100", schedule="linear")
    yield f"R = {test('rate', **cycles):.2f}, NLL {test('iwae_100', **cycles):.2f}; plain"
    yield f"{nll[0]:.2f}, a line {line:.2f})"
    lines = table("sentences/results/shakespeare/front.csv")
    bare = lines[(lines["model.word_dropout"] == 0) & (lines["shaping"] == "plain")]
    alone_too = bare[bare["trainer.aggressive"].isna()].set_index("schedule")["test/iwae_10"]
    yield f"NLL {alone_too['cyclical']:.2f}; plain {alone_too['constant']:.2f}, a line"
    yield f"{alone_too['linear']:.2f})"
    alone = test("rate", trainer__aggressive=30)
    below = test("rate", trainer__aggressive=30, schedule="linear")
    yield f"not alone (R = {alone:.2f}); below a ramp they keep {below:.2f} nats"


def of_structure() -> Iterator[str]:
    name = "structure/results/front.csv"

    def at(column: str, beta: float) -> float:
        return value(name, column, beta=beta)

    mig, d = "val/mig", "val/distortion"
    yield (
        f"MIG goes from {at(mig, 1):.2f} at β = 1 to {at(mig, 16):.2f} at β = 16, while D goes "
        f"from {at(d, 1):.1f} to {at(d, 16):.1f} nats"
    )
    yield (
        f"MIG {at(mig, 1):.2f} to {at(mig, 16):.2f} and D {at(d, 1):.1f} to {at(d, 16):.1f} nats "
        "from β = 1 to 16"
    )
    pair = [f"{at(mig, beta):.2f} ± {at(f'sd/{mig}', beta):.2f}" for beta in (2, 4)]
    yield f"{pair[0]} and {pair[1]} are the same"


def of_others() -> Iterator[str]:
    name = "importance/results/mnist/front.csv"
    draws = [1, 5, 50]
    bounds = [value(name, "test/iwae_500", objective__draws=k) for k in draws]
    yield (
        f"as 500 draws bound it falls from {bounds[0]:.2f} to {bounds[1]:.2f} and {bounds[2]:.2f} "
        f"nats with {draws[0]}, {draws[1]} and {draws[2]} draws"
    )
    runs = table("ladder/results/front.csv")
    cured = runs["model.batch_norm"] & (runs["schedule"] == "linear")
    bare = ~runs["model.batch_norm"] & (runs["schedule"] == "constant")
    ladder = runs["model"] == "ladder"
    (cured_ladder,) = runs[cured & ladder]["test/iwae_100"]
    (bare_ladder,) = runs[bare & ladder]["test/iwae_100"]
    (cured_plain,) = runs[cured & ~ladder]["test/iwae_100"]
    yield f"(IWAE {cured_plain:.2f}, the ladder's {cured_ladder:.2f},"
    yield f"without cures {bare_ladder:.2f})"
    tops = [f"test/rate_layer_{layer}" for layer in (4, 5)]
    top = [runs[cured & of][tops].to_numpy()[0] for of in (ladder, ~ladder)]
    yield f"layers 4 and 5 of the ladder have a rate of {top[0][0]:.2f} and {top[0][1]:.2f} nats"
    yield f"with the same cures {top[1][0]:.2f} and {top[1][1]:.2f}; its bound"
    assert cured_plain <= cured_ladder
    assert set(runs["standing"]) == {"still falling"}
    longer = found("published/results/longer.json")["metrics"]
    yield f"R within a nat ({longer['val/rate']:.1f} on validation, of 19.69)"  # its own log
    yield f"D approached ({longer['val/distortion']:.1f} of 118.79)"


STUDIES = (
    of_weighting,
    of_sum_or_mean,
    of_likelihoods,
    of_controllers,
    of_beta_norm,
    of_lengths,
    of_annealing,
    of_sentences,
    of_structure,
    of_others,
)


@cache
def prose(page: str) -> str:
    """A page with its line breaks as spaces."""
    return " ".join((ROOT / "docs" / page).read_text().split())


@pytest.mark.parametrize("study", STUDIES)
def test_the_guide_states_what_a_study_found(study: Any) -> None:
    for text in study():
        assert any(text in prose(page) for page in PAGES), text


@pytest.mark.parametrize("page", PAGES)
def test_no_number_of_the_guide_stands_alone(page: str) -> None:
    left = " ".join(OF_LAYOUT[page].sub("", (ROOT / "docs" / page).read_text()).split())
    for study in STUDIES:
        for text in study():
            left = left.replace(text, " ")
    left = NO_RESULT.sub(" ", left)
    assert not NUMBER.findall(left)
