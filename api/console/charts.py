"""Small charts as SVG, drawn here so that no script has to."""

from typing import Final

from markupsafe import Markup

from shared.console.overview import Series

WIDTH: Final = 300
HEIGHT: Final = 64
GAP: Final = 2


def bars(series: Series) -> Markup:
    """One bar per day, as high as its share of the highest; each says its day and number when pointed at."""
    highest = max((count for _, count in series), default=0) or 1
    step = WIDTH / max(len(series), 1)
    drawn = [
        Markup('<g><title>{}: {}</title><rect class="hit" x="{}" y="0" width="{}" height="{}"/>').format(
            day.strftime("%a %d %b"), f"{count:,}", f"{step * number:.1f}", f"{step:.1f}", HEIGHT
        )
        + Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}" rx="1"/></g>').format(
            f"{step * number:.1f}", f"{HEIGHT - tall:.1f}", f"{step - GAP:.1f}", f"{tall:.1f}"
        )
        for number, (day, count) in enumerate(series)
        for tall in [max(HEIGHT * count / highest, 1.0)]
    ]
    label = f"{sum(count for _, count in series):,} in {len(series)} days, at most {highest:,} in one"
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, label, Markup().join(drawn))
