"""An evaluation document to be read by people: as a page of its own, and as PDF. Loads no torch."""

from medportal.learning.report.html import html_report
from medportal.learning.report.pdf import pdf_report

__all__ = ["html_report", "pdf_report"]
