"""Figures as PNG and charts as Vega-Lite with their data inline."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from runner import cells

MAX_SPEC_BYTES = 4 << 20
_MAX_PIXELS = 4000
# They lead a reader's browser elsewhere; a chart of an answer shows data and nothing else.
_DROPPED = frozenset({"href", "url", "usermeta"})


def _pyplot() -> Any:
    """matplotlib.pyplot if the program imported it: nothing is imported for those that did not."""
    return sys.modules.get("matplotlib.pyplot")


def is_figure(item: Any) -> bool:
    """Whether the value is a matplotlib figure or axes."""
    return figure_of(item) is not None


def figure_of(item: Any) -> Any:
    """The figure of a figure or of axes, else None."""
    names = {f"{c.__module__.split('.')[0]}.{c.__name__}" for c in type(item).__mro__}
    if "matplotlib.Figure" in names:
        return item
    return getattr(item, "figure", None) if "matplotlib.Axes" in names else None


def open_figures() -> list[Any]:
    """All open figures with something on them, oldest first."""
    plt = _pyplot()
    figures = [plt.figure(n) for n in plt.get_fignums()] if plt else []
    return [f for f in figures if f.get_children()[1:] or f.axes]


def close(figure: Any) -> None:
    """Closes a figure, so that it is shown once."""
    plt = _pyplot()
    if plt:
        plt.close(figure)


def png(figure: Any) -> tuple[bytes, int, int]:
    """Draws a figure; the longer side has at most 4,000 pixels."""
    inches = max(float(i) for i in figure.get_size_inches())
    dpi = max(10.0, min(float(figure.dpi) * 1.2, _MAX_PIXELS / max(inches, 0.1)))
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=dpi)
    data = sink.getvalue()
    return data, int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def spec_of(item: Any) -> dict[str, Any] | None:
    """The Vega-Lite spec of an Altair chart or of a dict that is one, made safe; None for anything else."""
    if any(c.__module__.startswith("altair") and c.__name__ == "TopLevelMixin" for c in type(item).__mro__):
        import altair

        with altair.data_transformers.enable("default", max_rows=None):
            item = item.to_dict()
    if not isinstance(item, dict) or not _looks_like_spec(item):
        return None
    spec: dict[str, Any] = json.loads(json.dumps(_safe(item), default=str, allow_nan=False))
    size = len(json.dumps(spec))
    if size > MAX_SPEC_BYTES:
        raise ValueError(f"The chart carries {size} bytes of data; at most {MAX_SPEC_BYTES} can be shown: aggregate before charting.")
    return spec


def _looks_like_spec(item: dict[Any, Any]) -> bool:
    if "vega-lite" in str(item.get("$schema", "")):
        return True
    views = ("mark", "layer", "hconcat", "vconcat", "concat", "repeat", "spec")
    return any(v in item for v in views) and ("data" in item or "encoding" in item or "datasets" in item)


def _safe(item: Any) -> Any:
    if isinstance(item, dict):
        if set(item) == {"expr"}:
            return None
        made: dict[str, Any] = {}
        for key, inner in item.items():
            if key == "data" and isinstance(inner, dict) and "url" in inner:
                made[key] = {"values": []}
            elif key in ("values", "datasets"):  # data: its columns may be called anything
                made[key] = cells.value(inner) if key == "values" else {str(k): cells.value(v) for k, v in inner.items()}
            elif key not in _DROPPED:
                kept = _safe(inner)
                if kept is not None or inner is None:
                    made[str(key)] = kept
        return made
    if isinstance(item, (list, tuple)):
        return [_safe(i) for i in item]
    if type(item).__name__ in ("Dataset", "DataFrame"):
        return _records(item)
    return cells.value(item) if not isinstance(item, str) else item


def _records(frame: Any) -> list[Any]:
    from runner import tables

    rows: list[Any] = []
    for part in tables.batches(frame):
        rows += [cells.value(r) for r in part.slice(0, 50_000 - len(rows)).to_pylist()]
        if len(rows) >= 50_000:
            break
    return rows
