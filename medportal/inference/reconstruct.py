"""Run an autoencoder: what it makes of each slice, and where the slice is unlike what it knows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medportal.errors import InvalidError
from medportal.inference.manifest import ReconstructionOutput
from medportal.inference.pieces import Answer, Layer, Runner, SlicePiece, bytes_of
from medportal.inference.postprocess import Verdict, anomaly_map, anomaly_score

BATCH = 8


class Reconstruct(Runner):
    """Slices go through the code and back; what does not come back is the anomaly."""

    @property
    def output(self) -> ReconstructionOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, ReconstructionOutput)
        return self.manifest.output

    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield each slice's anomaly map and reconstruction."""
        output, region = self.output, self.grid.region
        todo = [index for index in range(self.volume.number_of_slices) if index not in skip]
        for group, samples in self.batches(todo, BATCH):
            answers = self.run(samples)["reconstruction"]
            if answers.shape != samples.shape:
                raise InvalidError("model_failed", "The network's reconstruction is not as large as what it was given.")
            for index, sample, image in zip(group, samples, answers, strict=True):
                difference = anomaly_map(sample, image, output)
                middle = image.reshape(-1, self.image_channels, *image.shape[1:])[self.spec.context].mean(axis=0)
                layers = (
                    Layer("anomaly", bytes_of(difference, output.full_scale), region, output.full_scale),
                    Layer("reconstruction", bytes_of(middle), region),
                )
                error = float(np.square(sample - image).mean())
                score = anomaly_score(difference, output.share)
                yield self.piece(index, score, probabilities=(error,), layers=layers)

    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return each slice's anomaly and error; the series is as anomalous as its most anomalous slice."""
        scores = np.array([piece.probability for piece in pieces], np.float32)
        errors = np.array([piece.probabilities[0] for piece in pieces], np.float32)
        highest = float(scores.max())
        is_odd = highest >= self.output.threshold
        psnr = float(-10 * np.log10(max(float(errors.mean()), 1e-12)))
        measures = {"psnr_db": psnr, "compression": self.output.compression}
        verdict = Verdict("anomalous" if is_odd else "usual", highest, self.output.threshold, is_odd, {}, measures)
        return Answer(verdict, scores=scores, errors=errors)
