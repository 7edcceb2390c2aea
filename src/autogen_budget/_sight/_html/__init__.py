"""A report as one HTML file: no network, no script, pictures as SVG with the figures in tables behind them."""

from ._page import event_text, report_html, steps_text

__all__ = ["event_text", "report_html", "steps_text"]
