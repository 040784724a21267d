"""Truth and answers of a split become one document. Loads no torch."""

from medportal.learning.evaluation.document import build_document, evaluation_of
from medportal.learning.evaluation.task import Record, TaskEvaluation

__all__ = ["Record", "TaskEvaluation", "build_document", "evaluation_of"]
