// The latents of runs over their training.

/** The latents of one run after another over its training, as the reader chooses. */
function drawLatents(shown, name) {
  if (!shown.length) return;
  const outer = byId("latents"), said = outer.querySelector(".standing");
  outer.hidden = false;
  let chosen = shown[0];
  const tell = () => said.replaceChildren(...chosen.latents.said.map((line) => element("p", line)));
  const draw = plot(outer.querySelector(".plot"), () => latentsOf(chosen));
  const choose = (k) => { chosen = shown[Number(k)]; tell(); draw(); };
  outer.querySelector(".controls").append(choice("of", shown.map((s, k) => [String(k), name(s)]), "0", choose));
  tell();
}

/** The KL of each latent, how many are active, and the weight, above each other over the same steps. */
function latentsOf({ latents, trace }) {
  const { step, names, kl, active } = latents, least = -3; // of the colours: 0.001 nats
  const ends = [step.length > 1 ? Math.max(0, 1.5 * step[0] - 0.5 * step[1]) : 0, ...step.slice(1).map((s, k) => (s + step[k]) / 2), step.at(-1)];
  const log = kl.map((row) => row.map((v) => v === null ? null : Math.max(least, Math.log10(Math.max(v, 1e-9)))));
  const top = Math.max(least + 1, ...log.flat().filter((v) => v !== null)), several = Object.keys(active).length > 1;
  const marks = [...Array(Math.floor(top) - least + 1).keys()].map((k) => least + k);
  const axis = (domain, given) => ({ ...layout({ title: "" }, given).yaxis, domain });
  const few = names.length <= 32, beta = trace.beta || [], flips = beta.some((v) => v < 0);
  const lines = Object.entries(active).map(([layer, counted], k) => ({ type: "scatter", mode: "lines+markers", cliponaxis: false, yaxis: "y2", x: step, y: counted,
    name: layer, showlegend: several, marker: { size: 4 }, line: { width: 1.3, color: PALETTE[k % PALETTE.length] }, hovertemplate: "step %{x}: %{y} active" }));
  const map = { type: "heatmap", x: ends, y: names.map((_, k) => k), z: log, zmin: least, zmax: top, colorscale: "Viridis",
    customdata: kl.map((row, k) => row.map((v, j) => [names[k], v, step[j]])),
    hovertemplate: "%{customdata[0]}, step %{customdata[2]}: %{customdata[1]:.3g} nats<extra></extra>",
    colorbar: { title: { text: "KL (nats)", side: "right" }, len: 0.5, y: 1, yanchor: "top", tickvals: marks,
      ticktext: marks.map((v) => v === least ? `≤ ${10 ** v}` : String(10 ** v)) } };
  const weight = { type: "scatter", mode: "lines", yaxis: "y3", x: trace.step || [], y: beta, showlegend: false, name: "β",
    line: { width: 1.3, color: "#d62728" }, hovertemplate: "step %{x}: β %{y:.3g}<extra></extra>" };
  const wide = !flips && Math.min(...beta) > 0 && Math.max(...beta) > 10 * Math.min(...beta);
  return { traces: [map, ...lines, weight], layout: layout(
    { title: "optimiser steps", anchor: "y3", range: [0, Math.max(step.at(-1), ...(trace.step || []).slice(-1))] },
    { ...(few ? { title: "", tickvals: names.map((_, k) => k), ticktext: names } : { title: "latents, by KL" }), domain: [0.5, 1], autorange: "reversed" },
    { height: 640, hovermode: "closest",
      yaxis2: axis([0.25, 0.46], { title: "active", rangemode: "tozero" }),
      yaxis3: axis([0, 0.2], { title: flips ? "±γ" : "β", type: wide ? "log" : "linear", ...(wide ? {} : { rangemode: "tozero" }) }) }) };
}
