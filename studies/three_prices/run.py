"""A study without and with forecast and scout, on digits and on MNIST.

    python -m studies.three_prices.run           # MNIST from the folder of BETAFRONT_DATA_DIR
    python -m studies.three_prices.run --quick

The sweeps are those of `benchmarks.run.three_prices`, which prints its tables to
`benchmarks/results/three_prices`; what is drawn of them goes to `results/`.
"""

import subprocess
import sys

from studies.three_prices import found

from studies import sweeps

DIGITS = ("--trials", "20", "--steps", "500", "--seeds", "2")
MNIST = ("--data", "mnist", "--trials", "12", "--steps", "800", "--seeds", "1")
QUICK = ("--trials", "2", "--steps", "40", "--seeds", "1")


def main() -> None:
    with sweeps.results_of(__file__) as (results, quick):
        tables = results if quick else found.TABLES
        for words in (QUICK,) if quick else (DIGITS, MNIST):
            command = [sys.executable, "-m", "benchmarks.run.three_prices", *words]
            place = sweeps.STUDIES.parent  # where `benchmarks` is found
            subprocess.run([*command, "--results", str(tables)], check=True, cwd=place)
        found.main(tables, results)


if __name__ == "__main__":
    main()
