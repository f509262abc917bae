// The other pictures: small planes by group, the one scale, training, and the search.

/** Rate and distortion over β. */
function scaleOf() {
  const by = columns.normalisation && values("normalisation").length > 1 ? "normalisation" : "group";
  const shown = [[RATE, "circle"], [DISTORTION, "diamond-open"]].slice(0, data.oneScale ? 2 : 1);
  const traces = values(by).flatMap((name, k) => shown.map(([column, symbol]) => {
    const rows = every().filter((i) => columns[by][i] === name);
    return { type: "scatter", mode: "markers", name: `${label(column).split(" (")[0]}, ${shorter(name)}`,
      x: rows.map((i) => columns.beta[i]), y: rows.map((i) => columns[column][i]),
      text: rows.map(trialOf), marker: { symbol, size: 8, color: PALETTE[k % PALETTE.length] } };
  }));
  return { traces, layout: layout({ title: "canonical β", type: "log" }, { title: "nats per example" }, { height: 440 }) };
}

/** How steep the lower hull is at its corners beside their β: alike where runs have converged. */
function slopesOf() {
  const studies = Object.entries(data.slopes).filter(([, s]) => s.beta && s.beta.length);
  const every = studies.flatMap(([, s]) => s.beta), ends = [Math.min(...every), Math.max(...every)];
  const traces = studies.map(([study, s], k) => ({ type: "scatter", mode: "markers", name: study, x: s.beta, y: s.slope,
    error_y: { type: "data", symmetric: false, array: s.steeper.map((v, i) => v - s.slope[i]),
      arrayminus: s.flatter.map((v, i) => s.slope[i] - v), thickness: 1, width: 3 },
    text: s.trial.map((t) => `trial ${t}`), marker: { size: 8, color: PALETTE[k % PALETTE.length] } }));
  const alike = { type: "scatter", mode: "lines", name: "−dD/dR = β", hoverinfo: "skip", x: ends, y: ends,
    line: { dash: "dash", width: 1, color: style("--dim") } };
  return { traces: [alike, ...traces], layout: layout({ title: "canonical β", type: "log" },
    { title: "−dD/dR of the lower hull", type: "log" }, { height: 440 }) };
}

/** The plane of the first two objectives, a group of trials each. */
function drawMultiples() {
  const outer = byId("multiples"), grid = outer.querySelector(".grid"), several = words.filter((c) => values(c).length > 1);
  if (!several.length) return;
  const [x, y] = metrics;
  const draw = (by) => {
    for (let k = plots.length - 1; k >= 0; k -= 1) if (grid.contains(plots[k][0])) plots.splice(k, 1);
    grid.replaceChildren();
    values(by).forEach((name, k) => {
      plot(added(grid), () => smallPlane(x, y, by, name, PALETTE[k % PALETTE.length]));
    });
  };
  outer.hidden = false;
  outer.querySelector(".controls").append(choice("by", several.map((c) => [c, label(c)]), several[0], draw));
  draw(several[0]);
}

function smallPlane(x, y, by, name, colour) {
  const mine = every().filter((i) => columns[by][i] === name);
  const fronts = data.objectives.length === 2 ? data.groups.map((g, i) => ({ ...frontOf(g, i, x, y), showlegend: false,
    line: { shape: step(x), width: 1, color: style("--dim") } })) : [];
  const points = { type: "scatter", mode: "markers", hoverinfo: "text", showlegend: false,
    x: mine.map((i) => columns[x][i]), y: mine.map((i) => columns[y][i]),
    text: mine.map((i) => `${trialOf(i)}, β ${shorter(columns.beta[i])}`),
    marker: { color: colour, size: 5, symbol: mine.map((i) => unsettled(i) ? "circle-open" : "circle"), opacity: mine.map((i) => columns.on_front[i] ? 1 : 0.45) } };
  return { traces: [...fronts, points], layout: layout(
    { title: label(x), range: rangeOf(x, false) }, { title: label(y), range: rangeOf(y, false) },
    { height: 260, title: { text: `${shorter(name)} (${new Set(mine.map(trialOf)).size})`, font: { size: 13 } }, hovermode: "closest" }) };
}

/** Weight and rate over the steps, and the KL of each latent, of runs along the front. */
function drawTraining() {
  const shown = Object.entries(data.shown).flatMap(([study, all]) => all.map((s) => ({ ...s, study, row: rowOf({ study, trial: s.trial }) })));
  const traced = shown.filter((s) => s.trace.step), latents = shown.filter((s) => s.spectrum.length);
  if (!shown.length) return;
  byId("training").hidden = false;
  const grid = byId("training").querySelector(".grid");
  const name = (s) => `${trialOf(s.row)}, β ${shorter(columns.beta[s.row])}`;
  const dash = (s) => ["solid", "dash", "dot", "dashdot"][Object.keys(data.shown).indexOf(s.study) % 4];
  const shade = (k, n) => `hsl(${Math.round(260 - 200 * (n > 1 ? k / (n - 1) : 0))}, 60%, 50%)`;
  const lines = (key, title, type) => () => ({
    traces: traced.map((s, k) => ({ type: "scatter", mode: "lines", name: name(s), x: s.trace.step, y: s.trace[key],
      line: { width: 1.3, dash: dash(s), color: shade(k, traced.length) }, showlegend: key === "beta" })),
    layout: layout({ title: "optimiser steps" }, { title, type }, { height: 340, legend: { orientation: "v", y: 1, yanchor: "top", font: { size: 9 } } }) });
  const add = (make) => plot(added(grid), make);
  if (traced.length) {
    const flips = traced.some((s) => s.trace.beta.some((v) => v < 0)); // a capacity's ±γ
    add(lines("beta", "canonical β in force", flips ? "linear" : "log"));
    add(lines("rate", "rate R of training (nats)", "linear"));
  }
  const most = Math.max(...latents.flatMap((s) => s.spectrum));
  for (const study of Object.keys(data.shown)) { // the names of studies may be too long for its rows
    const mine = latents.filter((s) => s.study === study);
    if (mine.length) add(() => spectraOf(mine, most, severalStudies ? study : ""));
  }
  drawLatents(shown.filter((s) => s.latents), name);
}

/** The KL of each latent of some runs of a study, a run a row. */
function spectraOf(shown, most, study) {
  const one = shown[0].widths, layered = shown.every((s) => `${s.widths}` === `${one}`) ? one : [];
  const edges = layered.slice(0, -1).map((_, k) => 0.5 + layered.slice(0, k + 1).reduce((a, b) => a + b)); // between two layers
  const longest = shown.reduce((a, b) => b.spectrum.length > a.spectrum.length ? b : a);
  return {
    traces: [{ type: "heatmap", z: shown.map((s) => s.spectrum), x: longest.spectrum.map((_, k) => k + 1), zmin: 0, zmax: most,
      y: shown.map((s, k) => k), colorscale: "Viridis", colorbar: { title: { text: "KL (nats)", side: "right" } },
      hovertemplate: "latent %{x}: %{z:.3g} nats<extra></extra>" }],
    layout: layout({ title: `latent dimension (channel of a spatial code), by ${edges.length ? "layer and " : ""}KL${study && `, ${study}`}` },
      { title: "", tickvals: shown.map((s, k) => k),
        ticktext: shown.map((s) => `trial ${s.trial}, β ${shorter(columns.beta[s.row])}`) }, { height: 340,
        shapes: edges.map((x) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: "white", width: 1.5 } })) }) };
}

/** How the front grew, and what decides where a trial lies. */
function drawSearch() {
  const grid = byId("search").querySelector(".grid");
  const add = (make) => plot(added(grid), make);
  add(() => ({
    traces: Object.entries(data.history).map(([study, h], k) => ({ type: "scatter", mode: "lines", name: study,
      x: h.trial.map((_, i) => i + 1), y: h.hypervolume, text: h.trial.map((t) => `trial ${t}`),
      line: { shape: "hv", color: PALETTE[k % PALETTE.length] } })),
    layout: layout({ title: "finished trials" }, { title: "hypervolume below the study's reference" }, { height: 340 }) }));
  for (const [study, found] of Object.entries(data.importances)) {
    if (!found.length) continue;
    add(() => ({
      traces: found.map((one, k) => ({ type: "bar", orientation: "h", y: one.parameters, x: one.shares,
        name: `${one.label.split(" (")[0]}; explained ${(100 * one.explained).toFixed(0)} %`, marker: { color: PALETTE[k % PALETTE.length] } })),
      layout: layout({ title: `share of what the parameters decide${Object.keys(data.history).length > 1 ? `, ${study}` : ""}` },
        { title: "", autorange: "reversed" }, { height: 340, barmode: "group" }) }));
  }
}
