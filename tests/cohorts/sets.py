"""Small data sets of every layout, written to disk as others lay them out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 16


def picture(number: int, *, rows: int = SIDE, columns: int = SIDE, colour: bool = False) -> np.ndarray:
    """A picture that looks like no other."""
    rng = np.random.default_rng([number, 7])
    shape = (rows, columns, 3) if colour else (rows, columns)
    return rng.integers(0, 256, shape).astype(np.uint8)


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def png(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def imagefolder(root: Path, counts: dict[str, int]) -> Path:
    """One folder for each class."""
    number = 0
    for name, count in counts.items():
        for _ in range(count):
            save(root / name / f"{name}-{number}.png", picture(number))
            number += 1
    return root


def table(root: Path, rows: list[dict[str, Any]], name: str = "table.csv") -> Path:
    """A CSV, and the picture of each of its rows under its path."""
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(str(row[column]) for column in columns) for row in rows)]
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(lines) + "\n")
    for number, row in enumerate(rows):
        if not (root / row["path"]).exists():
            save(root / row["path"], picture(number))
    return root / name


def patients(number: int, *, images: int = 2) -> list[dict[str, Any]]:
    """Rows of so many patients, every other one ill, each with some images."""
    return [
        {"path": f"img/{patient}-{index}.png", "label": ("normal", "ill")[patient % 2], "group": f"p{patient}"}
        for patient in range(number)
        for index in range(images)
    ]


def masks(root: Path, number: int, *, values: tuple[int, ...] = (1, 2)) -> Path:
    """Images and masks with the same stems; each mask holds the values in squares."""
    for n in range(number):
        save(root / "images" / f"{n:02d}.jpg", picture(n), quality=95)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for place, value in enumerate(values):
            mask[1 + 4 * place : 4 + 4 * place, n % 8 : n % 8 + 5] = value
        save(root / "masks" / f"{n:02d}.png", mask)
    return root


def voc_xml(boxes: list[tuple[str, int, int, int, int]], *, rows: int = SIDE, columns: int = SIDE) -> str:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, x0, y0, x1, y1 in boxes
    )
    size = f"<size><width>{columns}</width><height>{rows}</height><depth>1</depth></size>"
    return f"<annotation>{size}{objects}</annotation>"


def voc(root: Path, number: int) -> Path:
    """Pictures with one box each of one of two classes."""
    (root / "annotations").mkdir(parents=True)
    for n in range(number):
        save(root / "images" / f"{n}.png", picture(n))
        box = (("cell", "platelet")[n % 2], 2, 3, 8, 9)
        (root / "annotations" / f"{n}.xml").write_text(voc_xml([box]))
    return root


def coco(root: Path, number: int) -> Path:
    """One JSON, and its pictures."""
    images, annotations = [], []
    for n in range(number):
        save(root / "images" / f"{n}.png", picture(n))
        images.append({"id": n + 1, "file_name": f"{n}.png", "width": SIDE, "height": SIDE})
        annotations.append({"id": n + 1, "image_id": n + 1, "category_id": 7, "bbox": [1, 2, 6, 6]})
    document = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "cell"}]}
    (root / "instances.json").write_text(json.dumps(document))
    return root


def npz(path: Path, number: int = 12, **arrays: np.ndarray) -> Path:
    """The layout of MedMNIST."""
    images = np.stack([picture(n, rows=28, columns=28) for n in range(number)])
    labels = (np.arange(number) % 2)[:, None].astype(np.uint8)
    third = number // 3
    np.savez(
        path,
        **{
            "train_images": images[:third],
            "train_labels": labels[:third],
            "val_images": images[third : 2 * third],
            "val_labels": labels[third : 2 * third],
            "test_images": images[2 * third :],
            "test_labels": labels[2 * third :],
            **arrays,
        },
    )
    return path
