"""Chest CT phantoms: made-up patients in Hounsfield units, with nodules whose place and shape are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Kind = Literal["normal", "cancer"]
Floats = NDArray[np.float32]

ROWS = COLUMNS = 256
SLICES = 40
SLICE_MM = 6.0
# The patient's right and left, by the sign of x.
SIDES = (-1, 1)
# Nodules lie this far from the hilum: closer by, nobody could tell them from crossing vessels.
PERIPHERAL_MM = 38.0
AIR, LUNG, FAT, MUSCLE, BLOOD, BONE = -1000.0, -850.0, -100.0, 50.0, 60.0, 450.0


@dataclass(frozen=True)
class Nodule:
    """A nodule: centre in patient coordinates (LPS, mm), largest diameter in mm."""

    centre_mm: tuple[float, float, float]
    diameter_mm: float
    is_spiculated: bool


@dataclass(frozen=True)
class Phantom:
    """A made-up chest: `array` is int16 HU of shape (slice, row, column), slices from feet to head."""

    seed: int
    kind: Kind
    array: NDArray[np.int16]
    # True where a nodule is, same shape.
    mask: NDArray[np.bool_]
    nodules: tuple[Nodule, ...]
    spacing_mm_zyx: tuple[float, float, float]
    # Centre of the first slice's first pixel (LPS, mm).
    origin_mm: tuple[float, float, float]
    sex: Literal["F", "M"]
    age_years: int

    def mask_area_mm2(self) -> Floats:
        """Return the area that nodules have in each slice."""
        _, row_mm, column_mm = self.spacing_mm_zyx
        area: Floats = self.mask.sum(axis=(1, 2)).astype(np.float32) * np.float32(row_mm * column_mm)
        return area


class _Chest:
    """The canvas: coordinates in mm about the middle of the field of view, and the HU painted so far."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.pixel_mm = float(rng.uniform(1.25, 1.45))
        self.spacing = (SLICE_MM, self.pixel_mm, self.pixel_mm)
        self.z = ((np.arange(SLICES) - SLICES / 2) * SLICE_MM).astype(np.float32)[:, None, None]
        self.y = ((np.arange(ROWS) - ROWS / 2) * self.pixel_mm).astype(np.float32)[None, :, None]
        self.x = ((np.arange(COLUMNS) - COLUMNS / 2) * self.pixel_mm).astype(np.float32)[None, None, :]
        # Nobody lies exactly in the middle, and nobody is of one size.
        self.x = self.x - np.float32(rng.uniform(-12, 12))
        self.y = self.y - np.float32(rng.uniform(-10, 10))
        self.scale = float(rng.uniform(0.9, 1.1))
        self.hu = np.full((SLICES, ROWS, COLUMNS), AIR, np.float32)

    def ellipse(self, a: float, b: float, cx: float | NDArray[np.floating] = 0, cy: float = 0) -> Floats:
        """Return the squared elliptic distance in the plane; below 1 is inside."""
        return ((self.x - cx) / a) ** 2 + ((self.y - cy) / b) ** 2

    def wobble(self, sigma_mm: float, amount: float) -> Floats:
        """Return smooth noise of the volume's shape with standard deviation `amount`."""
        coarse = self.rng.standard_normal((SLICES // 2, ROWS // 8, COLUMNS // 8)).astype(np.float32)
        step = (SLICE_MM * 2, self.pixel_mm * 8, self.pixel_mm * 8)
        coarse = ndimage.gaussian_filter(coarse, [sigma_mm / s for s in step])
        fine = ndimage.zoom(coarse, (2, 8, 8), order=1)
        return (fine * np.float32(amount / (coarse.std() + 1e-6))).astype(np.float32)


def make_phantom(seed: int, kind: Kind) -> Phantom:
    """Make the phantom of a seed; both kinds are made alike but for the nodules, which come last.

    The same seed and kind give the same voxels on the same numpy and scipy.
    """
    rng = np.random.default_rng([seed, 20261123])
    chest = _Chest(rng)
    sex, age = ("F", "M")[int(rng.integers(2))], int(rng.integers(38, 82))
    lungs = _paint_body(chest)
    _paint_vessels(chest, lungs)
    _paint_granulomas(chest, lungs)
    mask = np.zeros(chest.hu.shape, bool)
    nodules: list[Nodule] = []
    # A generator of its own: what follows does not depend on how many nodules there are.
    nodule_rng = np.random.default_rng([seed, 7])
    if kind == "cancer":
        count = int(nodule_rng.integers(1, 4))
        nodules.extend(_paint_nodule(chest, lungs, mask, nodule_rng) for _ in range(count))
    return Phantom(
        seed=seed,
        kind=kind,
        array=_scan(chest),
        mask=mask,
        nodules=tuple(nodules),
        spacing_mm_zyx=chest.spacing,
        origin_mm=(float(chest.x.min()), float(chest.y.min()), float(chest.z.min())),
        sex=sex,  # type: ignore[arg-type]
        age_years=age,
    )


def _paint_body(chest: _Chest) -> NDArray[np.bool_]:
    """Paint table, skin to spine, airways and heart; return where lung is."""
    rng, s = chest.rng, chest.scale
    a, b = 165 * s * rng.uniform(0.95, 1.05), 112 * s * rng.uniform(0.95, 1.06)
    taper = (1 - 0.0006 * np.abs(chest.z - 10)).astype(np.float32)
    outer = chest.ellipse(a, b) / taper**2 + chest.wobble(60, 0.02)
    fat_mm = rng.uniform(10, 24)
    inner = chest.ellipse(a - fat_mm, b - fat_mm) / taper**2 + chest.wobble(50, 0.03)
    table_y = b + rng.uniform(3, 8) - 0.0012 * chest.x**2
    chest.hu[np.broadcast_to(np.abs(chest.y - table_y) < rng.uniform(2.5, 4), chest.hu.shape)] = rng.uniform(-350, -150)
    chest.hu[outer < 1] = FAT
    chest.hu[inner < 1] = MUSCLE + rng.uniform(-10, 10)
    _paint_bones(chest, inner)
    lungs = np.zeros(chest.hu.shape, bool)
    for side in SIDES:
        width = rng.uniform(50, 57) * s
        height = chest.ellipse(width, rng.uniform(76, 84) * s, side * 72 * s, -6) + (chest.z / (128 * s)) ** 2
        lungs |= (height + chest.wobble(25, 0.05) < 1) & (inner < 0.86)
    # Upwards it leans to the middle: its top would lie in the lung like a nodule otherwise.
    lean = np.clip((chest.z + 45) / 58, 0, 1) * 22
    heart = chest.ellipse(48 * s, 44 * s, (24 - lean) * s, -22 * s)
    heart = heart + ((chest.z + 45) / (58 * s)) ** 2 + chest.wobble(20, 0.04)
    lungs &= ~(heart < 1)
    chest.hu[lungs] = (LUNG + rng.uniform(-25, 35)) + 0.25 * np.broadcast_to(chest.y, chest.hu.shape)[lungs]
    chest.hu[heart < 1] = BLOOD - 15
    trachea = (chest.z > 15) & (chest.ellipse(8, 9, 0, 8) < 1)
    chest.hu[trachea] = AIR + 10
    for side in SIDES:
        bronchus = (np.abs(chest.z - 8) < 14) & (chest.ellipse(7, 6, side * (18 - chest.z * 0.5), 8) < 1)
        chest.hu[bronchus & ~lungs] = AIR + 20
    return lungs


def _paint_bones(chest: _Chest, inner: Floats) -> None:
    """Paint spine and ribs: ribs are slanting bands of a shell about the chest."""
    rng, s = chest.rng, chest.scale
    spine_y = 72 * s
    disc = np.abs((chest.z / (26 * s)) % 1 - 0.5) > 0.42
    body = chest.ellipse(19 * s, 16 * s, 0, spine_y) < 1
    chest.hu[body & ~disc] = BONE * rng.uniform(0.5, 0.75)
    chest.hu[body & disc] = 90
    chest.hu[np.broadcast_to(chest.ellipse(8, 7, 0, spine_y + 22 * s) < 1, chest.hu.shape)] = 30
    shell = (inner > 0.86) & (inner < 0.97)
    slant = chest.z - 0.45 * chest.y + rng.uniform(0, 28)
    rib = np.abs((slant / (27 * s)) % 1 - 0.5) < 0.17
    chest.hu[shell & rib] = BONE * rng.uniform(0.8, 1.1)


def _paint_tube(
    chest: _Chest, where: NDArray[np.bool_] | None, start: Floats, end: Floats, radius_mm: float, value: float
) -> None:
    """Paint a round-ended tube between two points (x, y, z; mm) with an edge of one pixel, where `where` allows."""
    margin = radius_mm + 2 * chest.pixel_mm
    low, high = np.minimum(start, end) - margin, np.maximum(start, end) + margin
    box = tuple(
        slice(*np.searchsorted(axis.ravel(), (lo, hi)))
        for axis, lo, hi in zip((chest.z, chest.y, chest.x), low[::-1], high[::-1], strict=True)
    )
    region = chest.hu[box]
    if not region.size:
        return
    z, y, x = chest.z[box[0]], chest.y[:, box[1]], chest.x[:, :, box[2]]
    direction = end - start
    length2 = float(direction @ direction) + 1e-6
    t = np.clip(
        ((x - start[0]) * direction[0] + (y - start[1]) * direction[1] + (z - start[2]) * direction[2]) / length2, 0, 1
    )
    distance = np.sqrt(
        (x - start[0] - t * direction[0]) ** 2
        + (y - start[1] - t * direction[1]) ** 2
        # A thick slice averages: thin things are seen in it at less contrast, not missed.
        + (np.maximum(np.abs(z - start[2] - t * direction[2]) - SLICE_MM / 3, 0)) ** 2
    )
    cover = np.clip((radius_mm - distance) / chest.pixel_mm + 0.5, 0, 1)
    if where is not None:
        cover = cover * where[box]
    np.maximum(region, region + (value - region) * cover, out=region)


def _paint_vessels(chest: _Chest, lungs: NDArray[np.bool_]) -> None:
    """Grow a vessel tree from each hilum: calibres from some 6 mm down, crossing slices at every angle."""
    rng = chest.rng
    for side in SIDES:
        hilum = _hilum(chest, side)
        # Spread a little: stems from one point would make a lump of their own.
        stems = [
            (
                hilum + rng.normal(0, 7, 3).astype(np.float32),
                _direction(rng, np.array([side, 0, 0])),
                float(rng.uniform(1.8, 3.0)),
            )
            for _ in range(6)
        ]
        while stems:
            start, direction, radius = stems.pop()
            end = (start + direction * rng.uniform(14, 30)).astype(np.float32)
            _paint_tube(chest, lungs, start, end, radius, BLOOD - 10)
            if radius > 0.9:
                stems += [(end, _direction(rng, direction), radius * float(rng.uniform(0.6, 0.82))) for _ in range(2)]


def _hilum(chest: _Chest, side: int) -> Floats:
    """Return where the vessels of a lung begin (x, y, z; mm)."""
    return np.array([side * 28 * chest.scale, 4, 0], np.float32)


def _direction(rng: np.random.Generator, about: NDArray[np.generic]) -> Floats:
    """Return a random unit vector within about 60 degrees of `about`."""
    vector = about / np.linalg.norm(about) + rng.normal(0, 0.55, 3)  # type: ignore[operator]
    unit: Floats = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def _paint_granulomas(chest: _Chest, lungs: NDArray[np.bool_]) -> None:
    """Small calcified grains that mean nothing, in both kinds."""
    for _ in range(int(chest.rng.integers(0, 3))):
        centre = _place(chest, lungs, chest.rng)
        _paint_tube(chest, lungs, centre, centre, float(chest.rng.uniform(1.0, 1.8)), 500)


def _place(chest: _Chest, allowed: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Return a random point (x, y, z; mm) where `allowed` is true."""
    flat = np.flatnonzero(allowed)
    k, j, i = np.unravel_index(int(flat[rng.integers(flat.size)]), allowed.shape)
    return np.array([chest.x[0, 0, i], chest.y[0, j, 0], chest.z[k, 0, 0]], np.float32)


def _paint_nodule(chest: _Chest, lungs: NDArray[np.bool_], mask: NDArray[np.bool_], rng: np.random.Generator) -> Nodule:
    """Paint a nodule within the periphery of the lung and mark it in `mask`."""
    radius = float(rng.uniform(7, 16))
    reach = (int(radius / SLICE_MM), int(radius / chest.pixel_mm * 0.8))
    inside = ndimage.minimum_filter(lungs.view(np.uint8), (2 * reach[0] + 1, 2 * reach[1] + 1, 2 * reach[1] + 1))
    allowed = inside.astype(bool)
    for side in SIDES:
        x, y, z = _hilum(chest, side)
        allowed &= (chest.x - x) ** 2 + (chest.y - y) ** 2 + (chest.z - z) ** 2 > PERIPHERAL_MM**2
    centre = _place(chest, allowed if allowed.any() else lungs, rng)
    is_spiculated = bool(rng.random() < 0.6)
    dx, dy, dz = chest.x - centre[0], chest.y - centre[1], chest.z - centre[2]
    distance = np.sqrt(dx**2 + dy**2 + dz**2)
    azimuth, height = np.arctan2(dy, dx), dz / (distance + 1e-3)
    lobes = sum(
        rng.uniform(0.03, 0.1) * np.cos(n * azimuth + rng.uniform(0, 6.3) + height * rng.uniform(-2, 2))
        for n in (2, 3, 5)
    )
    surface = radius * (1 + lobes)
    cover = np.clip((surface - distance) / chest.pixel_mm + 0.5, 0, 1) * lungs
    density = float(rng.uniform(-20, 60))
    chest.hu += np.maximum(density - chest.hu, 0) * cover
    mask |= cover > 0.5
    if is_spiculated:
        for _ in range(int(rng.integers(9, 16))):
            direction = _direction(rng, rng.normal(size=3))
            length = radius + rng.uniform(0.4, 1.0) * max(radius, 6)
            end = (centre + direction * length).astype(np.float32)
            _paint_tube(chest, lungs, centre, end, float(rng.uniform(0.7, 1.2)), density)
    where = (float(centre[0]), float(centre[1]), float(centre[2]))
    return Nodule(where, 2 * radius, is_spiculated)


def _scan(chest: _Chest) -> NDArray[np.int16]:
    """Blur and add noise as a scanner does: kernel and dose differ from patient to patient."""
    rng = chest.rng
    texture = ndimage.gaussian_filter(rng.standard_normal(chest.hu.shape).astype(np.float32), (0, 1.2, 1.2))
    chest.hu += texture * np.where(chest.hu < -600, 60, 12).astype(np.float32)
    image = ndimage.gaussian_filter(chest.hu, (0, *(float(rng.uniform(0.35, 0.6)),) * 2))
    noise = rng.standard_normal(image.shape).astype(np.float32)
    correlated = ndimage.gaussian_filter(noise, (0, *(float(rng.uniform(0.5, 0.8)),) * 2))
    image += correlated * np.float32(rng.uniform(14, 30) / correlated.std())
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16)
