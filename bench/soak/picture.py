"""A picture of a soak: memory of each part, answer times and waiting work over time, as one SVG."""

from collections.abc import Mapping, Sequence
from typing import Final

Line = Sequence[tuple[float, float]]
"""(second, value)."""

_WIDTH: Final = 900
_HEIGHT: Final = 200
_LEFT: Final = 60
_RIGHT: Final = 170  # for the names
_COLORS: Final = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e")


def draw(panels: Mapping[str, Mapping[str, Line]]) -> str:
    """One panel above the other: its title, and its lines by their names."""
    height = len(panels) * (_HEIGHT + 60)
    size = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12"'
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', '<rect width="100%" height="100%" fill="white"/>']
    for number, (title, lines) in enumerate(panels.items()):
        drawn.append(f'<g transform="translate(0 {number * (_HEIGHT + 60) + 30})">{_panel(title, lines)}</g>')
    return "\n".join([*drawn, "</svg>", ""])


def _panel(title: str, lines: Mapping[str, Line]) -> str:
    points = [point for line in lines.values() for point in line]
    last = max((second for second, _ in points), default=0) or 1
    most = max((value for _, value in points), default=0) or 1
    across, up = (_WIDTH - _LEFT - _RIGHT) / last, _HEIGHT / most
    parts = [f'<text x="{_LEFT}" y="-10" font-weight="bold">{title}</text>']
    for share in (0, 0.5, 1):
        y = _HEIGHT * (1 - share)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{most * share:,.0f}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT + 16}" text-anchor="end">{last / 60:.0f} min</text>')
    for number, (name, line) in enumerate(lines.items()):
        color = _COLORS[number % len(_COLORS)]
        path = " ".join(f"{_LEFT + second * across:.1f},{_HEIGHT - value * up:.1f}" for second, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts.append(f'<text x="{_WIDTH - _RIGHT + 10}" y="{12 + 16 * number}" fill="{color}">{name}</text>')
    return "\n".join(parts)
