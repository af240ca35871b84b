"""The report: one self-contained page to see and hear every take under its picture."""

from foley_bridge.report.model import ReportRegion, ReportTake
from foley_bridge.report.page import write_report

__all__ = ["ReportRegion", "ReportTake", "write_report"]
