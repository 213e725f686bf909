"""Small figures as inline SVG: a panel with axes, and lines, bands, dots and bars in it.

Nothing is loaded and no colour is fixed: colours are CSS classes, `c0`, `c1` ... for agents, so a page can be dark or
light. A panel is drawn for the width of a phone and stands beside others where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["Panel", "ticks"]

WIDTH, HEIGHT = 360, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 38, 34

Numbers = Iterable[float]
Points = list[tuple[float, float]]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from low to high, about `count` of them."""
    step = _round_up((high - low) / max(count, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _round_up(step: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(step))
    return next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= step * (1 - 1e-9))


def tick_text(tick: float, step: float) -> str:
    """A tick with as many digits as its step needs; thousands and millions abbreviated."""
    if abs(tick) >= 10_000 or (step >= 1_000 and tick):
        return f"{tick / 1e6:g}M" if abs(tick) >= 1e6 else f"{tick / 1e3:g}k"
    digits = next((d for d in range(6) if abs(step * 10**d - round(step * 10**d)) < 1e-6), None)
    return f"{tick:.1e}" if digits is None else f"{tick:.{digits}f}"


@dataclass
class Panel:
    """A figure whose axes cover x and y, (low, high) each. Remembers what is drawn; `svg` answers the text."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str = ""
    y_label: str = ""
    x_names: Sequence[str] = ()  # in place of ticks, at 0, 1, 2 ...
    y_ticks: bool = True
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x, self.y = _wide(self.x), _wide(self.y)

    @classmethod
    def around(
        cls, title: str, xs: Numbers, ys: Numbers, *, zero: bool = False, x_label: str = "", y_label: str = ""
    ) -> Panel:
        """A panel that covers all finite points. zero: the y axis shows 0 too."""
        x, y = _covering(xs), _covering([*ys, *([0.0] if zero else [])])
        margin = 0.06 * (y[1] - y[0])
        return cls(title, x, (y[0] - margin, y[1] + margin), x_label, y_label)

    def line(self, xs: Numbers, ys: Numbers, css: str, name: str = "") -> None:
        """A line through the points; one that is not finite breaks it."""
        for run in _runs(zip(xs, ys, strict=True)):
            if len(run) == 1:
                self.dot(*run[0], css, name)
            else:
                self.parts.append(
                    f'<path class="l {css}" d="M{" L".join(self._at(*p) for p in run)}">{_tip(name)}</path>'
                )

    def band(self, xs: Numbers, low: Numbers, high: Numbers, css: str) -> None:
        """A shaded band; points that are not finite break it."""
        triples = list(zip(xs, low, high, strict=True))
        for run in _runs((i, lo + hi) for i, (_, lo, hi) in enumerate(triples)):
            kept = [triples[int(i)] for i, _ in run]
            path = [self._at(x, hi) for x, _, hi in kept] + [self._at(x, lo) for x, lo, _ in reversed(kept)]
            self.parts.append(f'<path class="b {css}" d="M{" L".join(path)}Z"/>')

    def dot(self, x: float, y: float, css: str, name: str = "", *, cross: bool = False) -> None:
        """A point, or a cross."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        px, py = self._px(x), self._py(y)
        if cross:
            d = f"M{px - 4:.1f} {py - 4:.1f}l8 8m0 -8l-8 8"
            self.parts.append(f'<path class="x {css}" d="{d}">{_tip(name)}</path>')
        else:
            self.parts.append(f'<circle class="d {css}" cx="{px:.1f}" cy="{py:.1f}" r="4">{_tip(name)}</circle>')

    def bar(self, left: float, right: float, low: float, high: float, css: str, name: str = "") -> None:
        """A filled rectangle in the axes' units."""
        if not all(math.isfinite(v) for v in (left, right, low, high)):
            return
        x, y = self._px(left), self._py(max(low, high))
        w, h = self._px(right) - x, self._py(min(low, high)) - y
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(w, 0.5):.1f}" height="{max(h, 0):.1f}"'
        self.parts.append(f'<rect class="f {css}" {shape}>{_tip(name)}</rect>')

    def rule(self, y: float, css: str = "q") -> None:
        """A level line across."""
        if self.y[0] <= y <= self.y[1]:
            self.parts.append(f'<path class="r {css}" d="M{self._at(self.x[0], y)} L{self._at(self.x[1], y)}"/>')

    def below(self, y: float, css: str = "bad") -> None:
        """Shade all below a level."""
        if y > self.y[0]:
            self.bar(self.x[0], self.x[1], self.y[0], min(y, self.y[1]), f"{css} z")

    def text(self, x: float, y: float, words: str, *, right: bool = False) -> None:
        """Words beside a point, on its left if it is far right or asked for."""
        px = self._px(x)
        end = right or px > 0.62 * WIDTH
        anchor = f'text-anchor="end" x="{px - 7:.1f}"' if end else f'x="{px + 7:.1f}"'
        self.parts.append(f'<text class="n" {anchor} y="{self._py(y) + 4:.1f}">{escape(words)}</text>')

    def label(self, x: float, y: float, words: str) -> None:
        """Words above a point."""
        self.parts.append(_text(self._px(x), self._py(y) - 4, escape(words), "middle"))

    def svg(self) -> str:
        """The figure."""
        label = escape(f"{self.title}: {self.y_label} by {self.x_label}" if self.y_label else self.title)
        head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        title = f'<text class="t" x="2" y="13">{escape(self.title)}</text>'
        return f"{head}{title}{''.join(self._axes())}{''.join(self.parts)}</svg>"

    def _axes(self) -> Iterable[str]:
        marks = ticks(*self.y) if self.y_ticks else []
        step = marks[1] - marks[0] if len(marks) > 1 else 1.0
        for y in marks:
            yield f'<path class="g" d="M{self._at(self.x[0], y)} L{self._at(self.x[1], y)}"/>'
            yield _text(_LEFT - 6, self._py(y) + 4, tick_text(y, step), "end")
        yield from self._x_axis()
        yield _text(2, 28, escape(self.y_label), "start")
        yield _text(WIDTH - _RIGHT, HEIGHT - 3, escape(self.x_label), "end")

    def _x_axis(self) -> Iterable[str]:
        marks = [float(i) for i in range(len(self.x_names))] or self._x_ticks()
        step = marks[1] - marks[0] if len(marks) > 1 else 1.0
        for i, x in enumerate(marks):
            words = escape(self.x_names[i]) if self.x_names else tick_text(x, step)
            yield _text(self._px(x), HEIGHT - _BOTTOM + 15, words, "middle")

    def _x_ticks(self) -> list[float]:
        """Weeks are whole."""
        marks = ticks(*self.x)
        return [x for x in marks if x == int(x)] if self.x_label == "week" else marks

    def _px(self, x: float) -> float:
        return _LEFT + (x - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - _LEFT - _RIGHT)

    def _py(self, y: float) -> float:
        return HEIGHT - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - _TOP - _BOTTOM)

    def _at(self, x: float, y: float) -> str:
        """A point in pixels; what lies above or below the panel is drawn at its edge."""
        return f"{self._px(x):.1f} {self._py(min(max(y, self.y[0]), self.y[1])):.1f}"


def _text(x: float, y: float, words: str, anchor: str) -> str:
    """A quiet word of the axes."""
    return f'<text class="a" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{words}</text>' if words else ""


def _runs(points: Iterable[tuple[float, float]]) -> Iterable[Points]:
    run: Points = []
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            run.append((float(x), float(y)))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _covering(held: Numbers) -> tuple[float, float]:
    known = [float(v) for v in held if math.isfinite(v)]
    return (min(known), max(known)) if known else (0.0, 1.0)


def _wide(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if high - low > 1e-12 * max(abs(low), abs(high), 1e-12):
        return ends
    room = 0.5 * abs(low) or 1.0
    return low - room, high + room


def _tip(name: str) -> str:
    return f"<title>{escape(name)}</title>" if name else ""
