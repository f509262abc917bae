// Of every figure the pairs of its parts that share more than a pixel in both directions, and the parts that reach
// beyond it. Toolbars are measured as they are while the mouse is on a figure.
() => {
    const kinds = {
        title: '.gtitle', legend: '.legend .bg', toolbar: '.modebar-group', 'x title': '.xtitle', 'y title': '.ytitle',
        'x tick': '.xtick text', 'y tick': '.ytick text', name: '.annotation .bg', 'colour bar': '.colorbar .cbbg',
        plane: '.nsewdrag',
    };
    const seen = (e, r) => {
        const { visibility, display } = getComputedStyle(e);
        return r.width && r.height && visibility !== 'hidden' && display !== 'none';
    };
    const turned = (e) => /rotate\((?!0[,)])/.test(e.getAttribute('transform') || '');
    const found = [];
    for (const plot of document.querySelectorAll('.js-plotly-plot')) {
        const whole = plot.getBoundingClientRect(), where = plot.closest('section').querySelector('h2').textContent;
        const parts = Object.entries(kinds).flatMap(([kind, selector]) => [...plot.querySelectorAll(selector)]
            .map((e) => ({ e, kind, r: e.getBoundingClientRect(), turned: turned(e), says: e.textContent.slice(0, 30) })))
            .filter(({ e, r }) => seen(e, r));
        for (const { kind, says, r } of parts) {
            const above = r.top < whole.top - 1 && kind !== 'toolbar'; // which has a row of its own
            if (above || r.left < whole.left - 1 || r.right > whole.right + 1 || r.bottom > whole.bottom + 1)
                found.push(`${where}: ${kind} '${says}' reaches out`);
        }
        parts.forEach((a, i) => parts.slice(i + 1).forEach((b) => {
            const named = a.kind === 'name' && b.kind === 'plane'; // names stand in the plane
            if (named || (a.turned && b.turned)) return;
            const wide = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
            const high = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
            if (wide > 1 && high > 1) found.push(`${where}: ${a.kind} '${a.says}' and ${b.kind} '${b.says}'`);
        }));
    }
    return found;
}
