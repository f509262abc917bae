"""The cost of the metrics of trained models: seconds and peak memory of each.

A model is trained briefly, by the product; then fresh processes measure it on 10,000 images, one
with the whole choice (`metrics=latent`, `metrics=disentanglement`), and one with each metric alone,
for its memory and its time on the processor, over both threads that torch has here: where a machine
has other work, the wall says little. MNIST is taken from BETAFRONT_DATA_DIR; where that is not set,
images of noise of its size are.

    python -m benchmarks.metrics.cost
    python -m benchmarks.metrics.cost --choices disentanglement --whole
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import console, say_where
from rich.table import Table

THREADS = 2
STEPS = 200
EXAMPLES = 10_000
MEMORY = 2048  # MiB
ALWAYS = "fast"
WORDS = {
    "latent": ["model.latents=32"],
    "disentanglement": [
        "data=sprites", "likelihood=bernoulli", f"data.limit={EXAMPLES * 5 // 4}", "data.val=0.1",
        "data.test=0.8",
    ],
}  # fmt: skip
SECONDS = {"latent": 20, "disentanglement": 90}

Found = dict[str, Any]


def digits(folder: Path) -> list[str]:
    """The overrides by which the data is MNIST, or noise of its size."""
    if os.environ.get("BETAFRONT_DATA_DIR"):
        return ["data=mnist"]
    import numpy as np

    path = folder / "noise.npy"
    np.save(path, np.random.default_rng(0).random((EXAMPLES * 5 // 4, 28, 28), np.float32))
    return ["data=tensor", f"data.path={path}", "data.val=0.1", "data.test=0.8"]


def train(choice: str, folder: Path) -> None:
    """Compose a run and train it into the folder, with the metrics that every run has."""
    import hydra

    from betafront.config.build import build
    from betafront.config.compose import VERSION_BASE
    from betafront.config.saved import save
    from betafront.shipped import conf_dir
    from betafront.training import fit_one

    data = digits(folder) if choice == "latent" else []
    trainer = [f"trainer.steps={STEPS}", "trainer.accelerator=cpu"]
    words = [*data, *WORDS[choice], *trainer]
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        config, measured = (hydra.compose("betafront", [*words, *more]) for more in ([], [
            f"metrics={choice}"
        ]))  # fmt: skip
    fit_one(build(config), folder)
    save(measured, folder)


def measure(folder: Path, only: str) -> Found:
    """The seconds of each metric, of the whole choice or of one metric alone, and the memory before
    and at the peak, in MiB."""
    import torch
    from omegaconf import DictConfig, OmegaConf
    from safetensors.torch import load_file

    from betafront.config.build import build
    from betafront.training.folder import RunFolder

    torch.set_num_threads(THREADS)
    config = OmegaConf.load(RunFolder(folder).config)
    assert isinstance(config, DictConfig)
    if only:
        config.metrics.further = {k: v for k, v in config.metrics.further.items() if k == only}
    run = build(config)
    vae = run.vae()
    vae.load_state_dict(load_file(RunFolder(folder).model))
    before, started, processor = memory(), time.perf_counter(), time.process_time()
    evaluation = run.evaluate(vae, run.data.test, known=run.known("test"), seed=run.seed)
    whole = time.perf_counter() - started
    return {
        "examples": len(run.data.test),
        "data": run.data.name,
        "latents": vae.latents,
        "whole": whole,
        "processor": time.process_time() - processor,
        "seconds": {ALWAYS: whole - sum(evaluation.seconds.values()), **evaluation.seconds},
        "before": before,
        "most": memory(),
    }


def memory() -> float:
    """The peak memory of this process, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def apart(*words: str) -> Found:
    """The last line that this script prints when it is called with `words` in a fresh process."""
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def table(choice: str, together: Found, alone: dict[str, Found]) -> Table:
    """The seconds of the wall clock of each metric within the whole choice; for each metric alone
    the seconds of the processor beyond those of the metrics that every run has, and the memory
    before it and at the peak."""
    title = (
        f"metrics={choice}: {together['examples']} images of {together['data']}, "
        f"M = {together['latents']}"
    )
    shown = Table(title=title, title_justify="left")
    shown.add_column("metric")
    for name in ("seconds", "wanted", "on the processor", "most MiB", "before", "wanted"):
        shown.add_column(name, justify="right")
    for name, seconds in together["seconds"].items():
        row = [name, f"{seconds:.2f}"]
        if name in alone:
            common = 0 if name == ALWAYS else alone[ALWAYS]["processor"]
            row += ["", f"{alone[name]['processor'] - common:.2f}", *_memory(alone[name])]
        shown.add_row(*row)
    shown.add_section()
    shown.add_row(
        "together",
        f"{together['whole']:.1f}",
        wanted(together["whole"], SECONDS[choice]),
        f"{together['processor']:.1f}",
        *_memory(together),
    )
    return shown


def _memory(found: Found) -> tuple[str, str, str]:
    return f"{found['most']:.0f}", f"{found['before']:.0f}", wanted(found["most"], MEMORY)


def wanted(found: float, limit: float) -> str:
    """The limit, and whether it is kept."""
    return f"< {limit:.0f} {'yes' if found < limit else 'NO'}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--choices", default=",".join(WORDS))
    parser.add_argument("--whole", action="store_true", help="no metric alone, which is quicker")
    parser.add_argument("--train", nargs=2, metavar=("CHOICE", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "ONLY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options.train[0], Path(options.train[1]))
        print("{}")
        return
    if options.measure:
        print(json.dumps(measure(Path(options.measure[0]), options.measure[1])))
        return
    out = console()
    say_where(out, ("torch", "scikit-learn", "numpy"))
    out.print(f"{THREADS} threads of torch; models trained for {STEPS} steps with one\n")
    for choice in options.choices.split(","):
        with tempfile.TemporaryDirectory(prefix="betafront-") as folder:
            apart("--train", choice, folder)
            together = apart("--measure", folder, "")
            names = [] if options.whole else together["seconds"]
            alone = {name: apart("--measure", folder, name) for name in names}
        out.print(table(choice, together, alone))


if __name__ == "__main__":
    main()
