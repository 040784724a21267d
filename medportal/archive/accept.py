"""What a client takes: Accept headers of DICOMweb (PS3.18 8.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^;,\s]*))')


@dataclass(frozen=True)
class MediaRange:
    """One acceptable media type; `type_` is that of the parts for `multipart/related`."""

    media: str
    type_: str = ""
    transfer_syntax: str = ""
    quality: float = 1.0

    @property
    def content(self) -> str:
        """The type of what is wanted, whether it comes in parts or alone."""
        return self.type_ if self.media == "multipart/related" else self.media


def parse_accept(header: str) -> list[MediaRange]:
    """Return the media ranges of an Accept header, the most wanted first."""
    ranges = []
    for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', header or "*/*"):
        media = part.split(";", 1)[0].strip().lower()
        parameters = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(part)}
        try:
            quality = float(parameters.get("q") or 1)
        except ValueError:
            quality = 0.0
        if media and quality > 0:
            ranges.append(
                MediaRange(media, parameters.get("type", "").lower(), parameters.get("transfer-syntax", ""), quality)
            )
    return sorted(ranges, key=lambda one: -one.quality)


def takes_json(header: str) -> bool:
    """Say whether DICOM JSON may be sent."""
    return any(
        r.media in ("*/*", "application/*", "application/json", "application/dicom+json") for r in parse_accept(header)
    )
