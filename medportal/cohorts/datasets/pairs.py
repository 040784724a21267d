"""Which mask, or annotation, is of which image: by name and folder, never by a name alone that several share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medportal.cohorts.datasets.files import relative_name
from medportal.cohorts.datasets.items import DataSet, split_of

_MASK_WORD = r"masks?|labels?|seg(?:mentation)?s?|gt|ground[ _-]?truth|manual\d*|annotation|lesion"
# `a_mask`, `a_Segmentation`, `a_manual1`, `a_mask_1`: image, word, number.
_ENDING = re.compile(rf"(?P<stem>.+?)[ _.-](?P<word>{_MASK_WORD})(?:[ _-]?\d+)?", re.IGNORECASE)
_BEGINNING = re.compile(rf"(?P<word>{_MASK_WORD})[ _-](?P<stem>.+)", re.IGNORECASE)
# `image_1` beside `mask_1`, `21_training` beside `21_manual1`.
_IMAGE_BEGINNING = re.compile(r"(?:images?|img)[ _-](.+)", re.IGNORECASE)
_IMAGE_ENDING = re.compile(r"(.+)[ _-](?:images?|img|train(?:ing)?|test)", re.IGNORECASE)


@dataclass
class Pair:
    """An image with the files that are of it."""

    image: Path
    # (Folders below that of such files which the image's own path lacks, file).
    others: list[tuple[str, Path]] = field(default_factory=list)
    # What the names of those files add to the image's.
    words: set[str] = field(default_factory=set)

    @property
    def parts(self) -> set[str]:
        """The folders that the files come from."""
        return {part for part, _ in self.others}


def pairs_of(
    data: DataSet, images: Sequence[Path], others: Sequence[Path], root: Path, what: str, *, folders: tuple[Path, Path]
) -> list[Pair]:
    """Return images with the files of the same names; what is alone, or could be of several, is refused by name.

    `folders` are those of the images and of the others: the folders below them tell images of one name apart. What
    lies in no folder of the same name is of the image of its name, where no other has it. A mask may be called after
    its image (`a_mask`, `mask_a`), and there may be several of one image.
    """
    is_mask = what == "mask"
    pairs = [Pair(image) for image in images]
    known = _Known(pairs, folders[0], is_mask=is_mask)
    lone_stems = _lone_stems(others, is_mask=is_mask)
    for other in others:
        found = known.of(other, folders[1], lone_stems)
        if len(found) == 1:
            pair, part, word = found[0]
            pair.others.append((part, other))
            pair.words.add(word)
        elif found:
            names = ", ".join(relative_name(pair.image, root) for pair, _, _ in found[:3])
            data.refuse(relative_name(other, root), f"it could be of several images: {names}.")
        else:
            data.refuse(relative_name(other, root), f"it is a {what} without an image of the same name.")
    return [pair for pair in pairs if _is_whole(data, pair, root, what)]


def _is_whole(data: DataSet, pair: Pair, root: Path, what: str) -> bool:
    """Say whether an image has what is of it, or refuse it."""
    name = relative_name(pair.image, root)
    if not pair.others:
        data.refuse(name, f"it has no {what} of the same name.")
    elif len(pair.others) > 1 and (what != "mask" or len(pair.words) > 1):
        files = ", ".join(relative_name(path, root) for _, path in pair.others[:3])
        data.refuse(name, f"it is unclear which {what} is of it: {files}.")
    else:
        return True
    return False


# Images of one name, by the folders that they lie in.
_ByFolders = dict[tuple[str, ...], list[Pair]]


class _Known:
    """The images by their names."""

    def __init__(self, pairs: Sequence[Pair], folder: Path, *, is_mask: bool) -> None:
        self._is_mask = is_mask
        self._by_stem: dict[str, _ByFolders] = defaultdict(lambda: defaultdict(list))
        self._by_core: dict[str, _ByFolders] = defaultdict(lambda: defaultdict(list))
        for pair in pairs:
            parents, stem = _parents(pair.image, folder), _stem(pair.image)
            self._by_stem[stem][parents].append(pair)
            self._by_core[_core(stem)][parents].append(pair)

    def of(self, other: Path, folder: Path, lone_stems: set[str]) -> list[tuple[Pair, str, str]]:
        """Return the images that a file could be of, each with (the folders that it lacks, what the name adds)."""
        parents, stem = _parents(other, folder), _stem(other)
        names = [(stem, ""), *(_without_word(stem) if self._is_mask else ())]
        for table in (self._by_stem, self._by_core) if self._is_mask else (self._by_stem,):
            for name, word in names:
                if name not in table:
                    continue
                if found := _nearest(table[name], parents, may_be_elsewhere=name in lone_stems):
                    return [(pair, part, word) for pair, part in found]
        return []


def _nearest(of_name: _ByFolders, parents: tuple[str, ...], *, may_be_elsewhere: bool) -> list[tuple[Pair, str]]:
    """Return those of the images of one name that share most folders with a file's."""
    if parents in of_name:
        return [(pair, "") for pair in of_name[parents]]
    within = [own for own in of_name if _is_part(own, parents)]
    if within:
        most = max(map(len, within))
        return [(pair, _rest(own, parents)) for own in within if len(own) == most for pair in of_name[own]]
    every = [(pair, "") for pairs in of_name.values() for pair in pairs]
    if len(every) > 1:
        return every
    return every if may_be_elsewhere and not _other_splits(next(iter(of_name)), parents) else []


def _is_part(few: Sequence[str], many: Sequence[str]) -> bool:
    """Say whether some folders stand in others, in their order."""
    rest = iter(many)
    return all(one in rest for one in few)


def _rest(few: Sequence[str], many: Sequence[str]) -> str:
    left, kept = list(few), []
    for one in many:
        if left and left[0] == one:
            left.pop(0)
        else:
            kept.append(one)
    return "/".join(kept)


def _other_splits(one: Sequence[str], other: Sequence[str]) -> bool:
    first, second = ({split_of(name) for name in names} - {""} for names in (one, other))
    return bool(first and second and first != second)


def _lone_stems(paths: Sequence[Path], *, is_mask: bool) -> set[str]:
    """Return the names that one folder alone has files of."""
    folders: dict[str, set[Path]] = defaultdict(set)
    for path in paths:
        stem = _stem(path)
        for name in (stem, *(name for name, _ in (_without_word(stem) if is_mask else ()))):
            folders[name].add(path.parent)
    return {name for name, where in folders.items() if len(where) == 1}


def _without_word(stem: str) -> Iterator[tuple[str, str]]:
    """Yield (the stem of the image that a mask is called after, what its own name adds)."""
    for pattern in (_ENDING, _BEGINNING):
        if match := pattern.fullmatch(stem):
            yield match["stem"], match["word"].casefold()


def image_stem(path: Path) -> str:
    """Return the stem of the image that a mask is called after in one folder with it, "" where it is none."""
    return next((stem for stem, _ in _without_word(_stem(path))), "")


def _core(stem: str) -> str:
    """Return an image's stem without the words that say that it is an image."""
    for pattern in (_IMAGE_ENDING, _IMAGE_BEGINNING):
        if match := pattern.fullmatch(stem):
            return match[1]
    return stem


def _stem(path: Path) -> str:
    name = path.name[: -len(path.suffix)] if path.suffix else path.name
    return name.casefold()


def _parents(path: Path, folder: Path) -> tuple[str, ...]:
    return tuple(part.casefold() for part in path.parent.relative_to(folder).parts)
