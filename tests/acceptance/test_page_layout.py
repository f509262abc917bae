"""The figures of the report in a real browser: nothing covers anything else, at any width."""

from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_report import opened
from tests.support.pages import reports

WIDTHS = {390: "dark", 800: "light", 1400: "dark"}

# Of every figure the pairs of its parts that share more than a pixel in both directions, and the
# parts that reach beyond it. Toolbars are measured as they are while the mouse is on a figure.
COVERED = """() => {
    const kinds = {title: '.gtitle', legend: '.legend .bg', toolbar: '.modebar-group', 'x title': '.xtitle',
        'y title': '.ytitle', 'x tick': '.xtick text', 'y tick': '.ytick text', name: '.annotation .bg',
        'colour bar': '.colorbar .cbbg', plane: '.nsewdrag'};
    const inside = new Set(['name plane']);  // names stand in the plane
    const found = [], turned = (e) => /rotate\\((?!0[,)])/.test(e.getAttribute('transform') || '');
    for (const plot of document.querySelectorAll('.js-plotly-plot')) {
        const parts = [], whole = plot.getBoundingClientRect();
        for (const [kind, selector] of Object.entries(kinds)) for (const e of plot.querySelectorAll(selector)) {
            const r = e.getBoundingClientRect();
            if (r.width && r.height && getComputedStyle(e).visibility !== 'hidden' && getComputedStyle(e).display !== 'none')
                parts.push({kind, r, turned: turned(e), says: (e.textContent || '').slice(0, 30)});
        }
        const where = `${plot.closest('section').querySelector('h2').textContent}: `;
        for (const {kind, says, r} of parts)
            if (r.left < whole.left - 1 || r.right > whole.right + 1 || r.bottom > whole.bottom + 1 || (r.top < whole.top - 1 && kind !== 'toolbar'))
                found.push(`${where}${kind} '${says}' reaches out`);
        parts.forEach((a, i) => parts.slice(i + 1).forEach((b) => {
            if (inside.has(`${a.kind} ${b.kind}`) || (a.turned && b.turned)) return;
            const wide = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
            const high = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
            if (wide > 1 && high > 1) found.push(`${where}${a.kind} '${a.says}' and ${b.kind} '${b.says}'`);
        }));
    }
    return found;
}"""


@pytest.mark.slow
def test_nothing_covers_anything(browser: Any, own_place: Path) -> None:
    for page in reports(own_place):
        for width, scheme in WIDTHS.items():
            with opened(browser, page, width, color_scheme=scheme) as tab:
                assert tab.evaluate(COVERED) == [], (page.stem, width)
