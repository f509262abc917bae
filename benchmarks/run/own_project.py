"""What a user does who brings everything, from an empty folder with nothing but the built wheel.

The wheel is built and installed into an environment of its own, which takes the libraries from this
one. Then, by the console script: a new project and the commands of its README; pictures in class
folders, a `Dataset`, an encoder and a decoder in a module beside `conf/`, with a schedule of the
learning rate, swept, compared, reported, exported and loaded in Python; and the notebook of
`examples/`. Each command is printed with its seconds by the wall and on the processors, and its
last line; the first that fails ends it.

    python -m benchmarks.run.own_project
    python -m benchmarks.run.own_project --keep FOLDER
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from benchmarks.common import console, say_where
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[2]

MODULE = '''"""A data set, an encoder and a decoder, as somebody has them already."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import Dataset


class Digits(Dataset):
    def __init__(self, n=1797):
        x, y = load_digits(return_X_y=True)
        self.x, self.y = torch.tensor(x[:n] / 16).float().view(-1, 1, 8, 8), y[:n].tolist()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Encoder(nn.Module):
    def __init__(self, latents, width=32):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(16 * width, 64), nn.ReLU(),
        )
        self.mean, self.log_var = nn.Linear(64, latents), nn.Linear(64, latents)

    def forward(self, x):
        h = self.features(x)
        return self.mean(h), self.log_var(h)


class Decoder(nn.Module):
    def __init__(self, latents, width=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latents, width), nn.ReLU(), nn.Linear(width, 64), nn.Unflatten(1, (1, 8, 8))
        )

    def forward(self, z):
        return self.layers(z)
'''
MODEL = """_target_: betafront.models.pair
_partial_: true
encoder: {_target_: own.Encoder, latents: "${model.latents}"}
decoder: {_target_: own.Decoder, latents: "${model.latents}"}
latents: 8
"""
DATA = """defaults: [dataset]
name: own
dataset: {_target_: own.Digits}
"""
STUDY = """# @package _global_
defaults:
  - override /model: own
  - override /likelihood: gaussian
trainer: {steps: 30}
study:
  question: Which weight, and does the learning rate want a schedule?
  space:
    objective.weight: tag(log, interval(0.3, 3))
    lr_schedule: choice(none, cosine)
  sampler: random
  budget: {trials: 4}
  workers: 2
"""
USE = """from pathlib import Path

import numpy as np
from PIL import Image

import betafront

model = betafront.load("exported", trust="own")
paths = sorted(Path("pics").glob("*/*.png"))[:20]
pictures = np.stack([np.asarray(Image.open(path)) for path in paths])
codes = model.encode(pictures)
made = model.reconstruct(pictures)
error = float(abs(made[:, 0] * 255 - pictures).mean())
print(codes.shape, made.shape, model.sample(3, seed=0).shape, f"error {error:.0f} of 255")
"""
PYTHON = """from functools import partial

import betafront
from betafront.models import pair
from own import Decoder, Digits, Encoder

model = partial(
    pair, encoder=partial(Encoder, latents=4), decoder=partial(Decoder, latents=4), latents=4
)
run = betafront.train(
    data=Digits, model=model, lr_schedule="cosine", trainer={"steps": 30}, quiet=True
)
study = betafront.study("pictures", trust="own")
few = ["metrics.further.iwae.draws=[1,4]"]
more = betafront.evaluate(study, few, metrics="latent", trial=0, quiet=True)
assert len(study.trials) == 4
assert len(betafront.compare(study, "plain").record["groups"]) == 2
print(run, more, study.decision)
"""
NOTEBOOK = """import sys

import nbclient
import nbformat

book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=600).execute()
print(book.cells[-1]["outputs"][-1]["data"]["text/plain"])
"""
OWN = [
    "betafront train data=folder data.path=pics model=own lr_schedule=cosine trainer.steps=30",
    "betafront sweep --dry-run study=rates data=folder data.path=pics study.name=pictures",
    "betafront sweep study=rates data=folder data.path=pics study.name=pictures",
    "betafront sweep study=rates data=folder data.path=pics model=mlp study.name=plain",
    "betafront sweep study=rates data=own study.name=objects",
    "betafront train data=dataset 'data.dataset={_target_: own.Digits}' model=pair trainer.steps=30"
    " model.encoder._target_=own.Encoder +model.encoder.latents=8"
    " model.decoder._target_=own.Decoder +model.decoder.latents=8",
    "betafront compare pictures plain --html both.html",
    "betafront compare pictures --by lr_schedule",
    "betafront status pictures",
    "betafront report pictures",
    "betafront evaluate objects metrics=probes",
    "betafront export pictures --at trial=0 --to exported",
    "betafront export objects --at trial=1 --to objects-exported --torch-export",
    "python use.py",
    "python in_python.py",
    "python exported/load.py",
]


class Shell:
    """Runs commands as a user types them, and prints each with its seconds and its last line; all
    of their lines are in `log.txt`.

    Args:
        place: the folder that holds the environment.
    """

    def __init__(self, place: Path) -> None:
        self.out = console()
        self.log = place / "log.txt"
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "BETAFRONT_RUNS")}
        self.environment = kept | {
            "PATH": f"{place / 'env/bin'}:{kept['PATH']}",
            "XDG_CACHE_HOME": str(place / "cache"),
            "OMP_NUM_THREADS": "1",
        }

    def __call__(self, command: str, folder: Path) -> None:
        started, before = time.perf_counter(), on_processors()
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = done.stdout.strip().splitlines() or [""]
        wall, own = time.perf_counter() - started, on_processors() - before
        self.out.print(f"{wall:6.1f} {own:6.1f}  {command}", soft_wrap=True)
        with self.log.open("a") as log:
            log.write(f"$ {command}\n{done.stdout}\n")
        if done.returncode:
            self.out.print(done.stdout, markup=False, soft_wrap=True)
            sys.exit(f"exit status {done.returncode}")
        self.out.print(f"               {lines[-1].strip()[:85]}", style="dim", markup=False)


def on_processors() -> float:
    """Seconds that the commands so far have taken, with the processes that they began."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment(place: Path) -> None:
    """An environment with the built wheel, and the libraries of this one."""

    def run(*words: str | Path) -> None:
        command = [sys.executable, "-m", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    kind = ["--quiet", "--no-deps"]
    run("pip", "wheel", *kind, "-w", place / "dist", ROOT)
    run("venv", "--without-pip", place / "env")
    (wheel,) = (place / "dist").glob("*.whl")
    run("pip", "--python", place / "env/bin/python", "install", *kind, wheel)
    (site,) = (place / "env").glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])


def write_own(place: Path) -> None:
    """The files of a user who brings everything."""
    files = {
        "own.py": MODULE,
        "conf/model/own.yaml": MODEL,
        "conf/data/own.yaml": DATA,
        "studies/rates/study.yaml": STUDY,
        "use.py": USE,
        "in_python.py": PYTHON,
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    digits = load_digits()
    for i, (image, kind) in enumerate(zip(digits.images[:600], digits.target, strict=False)):
        path = place / f"pics/{kind}/{i:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(path)


def commands_of(readme: Path) -> list[str]:
    """The commands of a README."""
    (block,) = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)
    return [line.partition("  #")[0].strip() for line in block.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="the folder to work in, which stays")
    kept = parser.parse_args().keep
    out = console()
    say_where(out, ("torch", "optuna"))
    started = time.perf_counter()
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch).absolute()
        environment(place)
        out.print("  wall processors, s")
        wall = time.perf_counter() - started
        out.print(f"{wall:6.1f} {on_processors():6.1f}  (the wheel built and installed)")
        shell = Shell(place)
        empty, own, book = (place / name for name in ("empty", "own", "book"))
        for folder in (empty, own, book):
            folder.mkdir()
        shell("python -c 'import betafront; print(betafront.__file__)'", empty)
        shell("betafront new mine", empty)
        for command in commands_of(empty / "mine/README.md"):
            shell(command, empty / "mine")
        write_own(own)
        for command in OWN:
            shell(command, own)
        (book / "run.py").write_text(NOTEBOOK)
        shutil.copy(ROOT / "examples/own_model.ipynb", book)
        shell("python run.py own_model.ipynb", book)
    out.print(f"{time.perf_counter() - started:6.1f} {on_processors():6.1f}  in all")


if __name__ == "__main__":
    main()
