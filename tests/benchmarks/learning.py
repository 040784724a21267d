"""The goals of learning on real data, run as a user would: import_dataset, train, evaluate, with default settings.

    python -m tests.benchmarks.learning [--rows lung,pneumonia,…] [--work FOLDER] [--table]

Every run is a `manage.py` command on a site of its own in `--work` (default `.venv/benchmark`), nothing is tuned to a
file's name. Each finished run is noted in `results.json` there, so that the benchmark goes on where it was stopped;
`--table` prints the table of what has been measured so far. The data are looked for in MEDPORTAL_SHARED_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MEDPORTAL_SHARED_DATA", ROOT / ".." / "shared" / "data")).resolve()
LUNG, NUCLEI = DATA / "classification" / "lung-ct-iqothnccd", DATA / "segmentation" / "nuclei-dsb2018"
XRAYS, CELLS = DATA / "segmentation" / "chest-xray-lungs", DATA / "detection" / "blood-cells-bccd"
PNEUMONIA = DATA / "classification" / "pneumoniamnist" / "pneumoniamnist_train_val.npz"


class Site:
    """A data folder, and commands on it; what was measured is noted as it comes."""

    def __init__(self, work: Path) -> None:
        self.work = work
        work.mkdir(parents=True, exist_ok=True)
        self._notes = work / "results.json"
        self.results: dict[str, Any] = json.loads(self._notes.read_text()) if self._notes.is_file() else {}
        self._env = {**os.environ, "MEDPORTAL_DATA_DIR": str(work / "site"), "PYTHONWARNINGS": "ignore"}

    def prepare(self) -> None:
        """Make the database and the first accounts."""
        self.command("migrate", "-v", "0", told=False)
        code = (
            "import django; django.setup(); from pathlib import Path;"
            "from medportal.accounts.first_accounts import make_first_accounts;"
            f"make_first_accounts('', password_file=Path({str(self.work / 'password')!r}))"
        )
        env = {**self._env, "DJANGO_SETTINGS_MODULE": "medportal.config.settings"}
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=env)

    def command(self, *words: str, told: bool = True) -> dict[str, Any]:
        """Run a command and return the JSON line at its end."""
        sys.stderr.write(f"$ manage.py {' '.join(words)}\n")
        more = ["--json"] if told else []
        done = subprocess.run(
            [sys.executable, "manage.py", *words, *more], cwd=ROOT, env=self._env, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise SystemExit(f"manage.py {words[0]} ended with {done.returncode}")
        return dict(json.loads(done.stdout.splitlines()[-1])) if told else {}

    def script(self, module: str, *words: str) -> dict[str, Any]:
        """Run a module on the site and return the JSON line at its end."""
        sys.stderr.write(f"$ python -m {module} {' '.join(words)}\n")
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def noted(self, name: str, run: Any) -> Any:
        """Return what a run gave, running it if it has not been; its minutes are noted with it."""
        if name not in self.results:
            began = time.monotonic()
            found = run()
            self.results[name] = {**found, "minutes": (time.monotonic() - began) / 60}
            self._notes.write_text(json.dumps(self.results, indent=1))
        return self.results[name]

    def imported(self, cohort: str, path: Path, *words: str) -> None:
        """Import a data set as a cohort, once."""
        self.noted(f"import {cohort}", lambda: self.command("import_dataset", str(path), "--cohort", cohort, *words))

    def trained(self, name: str, cohort: str, recipe: str, *settings: str) -> dict[str, Any]:
        """Train by default settings, but for those named, and evaluate on the test split."""

        def run() -> dict[str, Any]:
            words = [word for setting in settings for word in ("--set", setting)]
            began = time.monotonic()
            made = self.command("train", "--cohort", cohort, "--recipe", recipe, "--model", name, "--wait", *words)
            minutes = (time.monotonic() - began) / 60
            model = f"{name}@{made['version']}"
            found = self.command("evaluate", "--model", model, "--cohort", cohort, "--split", "test")
            return {"metrics": found["metrics"], "n": found["n"], "groups": found["groups"], "training": minutes}

        return dict(self.noted(name, run))


def table_of(site: Site, name: str, rows: list[dict[str, str]]) -> Path:
    """Write a CSV for an import and return its path."""
    path = site.work / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def manifest(**where: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the shared data's manifest that have these values."""
    with (DATA / "manifest.csv").open(newline="") as file:
        yield from (row for row in csv.DictReader(file) if all(row[k] == v for k, v in where.items()))


def lung(site: Site) -> None:
    """Malignant against normal, by group, three times: other splits, other seeds."""
    for seed in ("1", "2", "3"):
        cohort = f"lung-{seed}"
        words = ["--format", "csv", "--root", str(DATA), "--where", "set=classification-lung-ct", "--seed", seed]
        words += ["--group-column", "group", "--classes", "normal,malignant"]
        site.imported(cohort, DATA / "manifest.csv", "--split", "train=.6,validation=.15,test=.25", *words)
        site.trained(f"lung-{seed}", cohort, "classification", f"seed={seed}")


def pneumonia(site: Site) -> None:
    """The validation split is measured on, and takes no part in the training, which makes one of its own."""
    arrays = site.work / "pneumonia.npz"
    if not arrays.is_file():
        import numpy as np

        with np.load(PNEUMONIA, allow_pickle=False) as file:
            kept = {name.replace("val_", "test_"): file[name] for name in file.files if not name.startswith("test_")}
        np.savez(arrays, **kept)
    site.imported("pneumonia", arrays, "--format", "npz", "--classes", "normal,pneumonia")
    for seed in ("1", "2", "3"):
        site.trained(f"pneumonia-{seed}", "pneumonia", "classification", f"seed={seed}")


def nuclei(site: Site) -> None:
    """All objects of a mask are the one segment."""
    site.imported("nuclei", NUCLEI, "--format", "masks", "--instances", "--split", "train=.65,validation=.1,test=.25")
    site.trained("nuclei", "nuclei", "segmentation")


def xrays(site: Site) -> None:
    """Four folds of sixteen pairs."""
    names = sorted(path.stem for path in (XRAYS / "images").iterdir())
    for fold in range(4):
        cohort = f"xrays-{fold}"
        rows = [
            {"path": name, "group": name, "split": "test" if k % 4 == fold else "train"} for k, name in enumerate(names)
        ]
        table = table_of(site, cohort, rows)
        site.imported(cohort, XRAYS, "--format", "masks", "--table", str(table), "--split", "column:split")
        site.trained(cohort, cohort, "segmentation")


def cells(site: Site) -> None:
    """The source's own lists: trained on one, measured on the other."""
    rows = [
        {"path": Path(row["path"]).stem, "group": row["group"] or row["path"], "split": split}
        for row in manifest(set="detection-bccd")
        if row["path"].endswith((".jpg", ".png"))
        for split in ({"dev-train": "train", "dev-val": "test"}[row["split"]],)
    ]
    table = table_of(site, "cells", rows)
    site.imported("cells", CELLS, "--format", "voc", "--table", str(table), "--split", "column:split")
    site.trained("cells", "cells", "detection")


def phantoms(site: Site) -> None:
    """Nodules in volumes, and slices that are unlike healthy ones: on phantoms, whose truth is known."""

    def store() -> dict[str, Any]:
        return site.script("tests.benchmarks.phantom_cohorts", "60")

    site.noted("import phantoms", store)
    site.trained("nodules", "nodules", "detection")
    site.trained("anomalies", "phantoms", "autoencoder")


def painted(site: Site) -> None:
    """Images made by a generator, and what a classifier learns from them alone; how near they are to those it was shown."""
    site.trained("painted", "pneumonia", "generation")
    site.noted("worth", lambda: judged(site))


def judged(site: Site) -> dict[str, Any]:
    """Return how good classifiers are that learn from real images, from generated ones and from both."""
    began = time.monotonic()
    found = site.command("evaluate", "--model", "painted", "--cohort", "pneumonia", "--split", "test", "--worth")
    metrics = {
        f"{way}_{name}": told["metrics"][name]
        for way, told in found["worth"].items()
        for name in ("balanced_accuracy", "auc")
    }
    minutes = (time.monotonic() - began) / 60
    return {"metrics": metrics, "n": found["n"], "groups": found["groups"], "training": minutes}


def alike(site: Site) -> None:
    """Series that are found alike by what an autoencoder, and a classifier, says of them; the row `lung` comes first."""
    site.trained("coded", "lung-1", "autoencoder")
    for model in ("coded", "lung-1"):
        site.noted(f"alike-{model}", lambda model=model: site.script("tests.benchmarks.alike", model, "lung-1"))


ROWS = {
    "lung": lung,
    "pneumonia": pneumonia,
    "nuclei": nuclei,
    "xrays": xrays,
    "cells": cells,
    "phantoms": phantoms,
    "painted": painted,
    "alike": alike,
}
# Which figures the table shows, and the goal of each.
GOALS: dict[str, dict[str, float | None]] = {
    "lung": {"accuracy": 0.88, "auc": 0.94},
    "pneumonia": {"accuracy": 0.95, "auc": 0.985},
    "nuclei": {"dice": 0.88},
    "xrays": {"dice": 0.90},
    "cells": {"map50": 0.85},
    "nodules": {"sensitivity_at_1": 0.90},
    "anomalies": {"slice_auc": 0.90},
    "painted": {"frechet": None, "memorised": None},
    "worth": {"generated_balanced_accuracy": 0.87, "real_balanced_accuracy": None, "both_balanced_accuracy": None},
    "alike": {"precision_at_5": None, "pixels_precision_at_5": None},
}


def table(site: Site) -> str:
    """Return what has been measured as a table in Markdown."""
    lines = ["| run | figures (95 %) | goal | training, min |", "|---|---|---|---|"]
    for name, found in site.results.items():
        goals = GOALS.get(name.split("-")[0])
        if "metrics" not in found or goals is None:
            continue
        told = ", ".join(f"{key} {_figure(found['metrics'].get(key, {}))}" for key in goals)
        wanted = ", ".join(f"≥ {value}" for value in goals.values() if value is not None)
        lines.append(
            f"| {name} (n = {found['n']}, {found['groups']} groups) | {told} | {wanted} | {found['training']:.1f} |"
        )
    return "\n".join(lines)


def _figure(figure: dict[str, Any]) -> str:
    if figure.get("value") is None:
        return "–"
    ends = "" if figure.get("low") is None else f" ({figure['low']:.3f}–{figure['high']:.3f})"
    return f"{figure['value']:.3f}{ends}"


def main() -> None:
    """Run the rows that are asked for, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--work", type=Path, default=ROOT / ".venv" / "benchmark")
    parser.add_argument("--table", action="store_true", help="print what has been measured, and run nothing")
    options = parser.parse_args()
    site = Site(options.work)
    if not options.table:
        if not DATA.is_dir():
            raise SystemExit(f"There are no data at {DATA}: name their folder in MEDPORTAL_SHARED_DATA.")
        site.prepare()
        for name in options.rows.split(","):
            ROWS[name](site)
    print(table(site))


if __name__ == "__main__":
    main()
