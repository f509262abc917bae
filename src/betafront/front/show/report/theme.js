"use strict";
// What all scripts of the page share: its data, its colours, and how a plot is made and kept.
const data = JSON.parse(document.getElementById("data").textContent);
const columns = data.columns, count = columns.trial.length;
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#999933"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star", "x", "pentagon"];
// The marks of trials by how they stand: filled where that is settled, or not known, hollow otherwise.
const SETTLED = "settled";
const MARKS = { "settled": "circle", "still falling": "triangle-down-open", "overfitted": "triangle-up-open",
  "unstable": "x-open", "collapsed": "square-open", "unknown": "circle-open" };
const SIZE = 12, TITLE = 14; // of the text in figures, and of the titles of axes
const plots = []; // [element, make], to be made again in other colours

const byId = (id) => document.getElementById(id);
const label = (column) => data.labels[column] || column;
const every = () => [...Array(count).keys()];
const isNumber = (column) => columns[column].every((v) => v === null || typeof v === "number");
const values = (column) => [...new Set(columns[column])].sort();
const unsettled = (i) => Boolean(columns.standing && columns.standing[i] && columns.standing[i] !== SETTLED);
/** Whether a row is a point of the curve of one model conditioned on β. */
const isOfCurve = (i) => Boolean(columns.of_curve && columns.of_curve[i]);
const severalStudies = new Set(columns.study).size > 1;
/** A trial as legends and cards call it: with its study where the page shows several. */
const trialOf = (i) => `${severalStudies ? `${columns.study[i]} · ` : ""}trial ${columns.trial[i]}`;
const shorter = (v) => typeof v === "number" ? String(Number(v.toPrecision(4))) : v === null ? "–" : String(v);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const narrow = () => window.innerWidth < 640;

/** An element with text, never markup: names come from the user's configuration. */
function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** The layout that all plots begin with; axes are given as {title, type, range}. */
function layout(x, y, more = {}) {
  const axis = (given) => ({ gridcolor: style("--line"), zerolinecolor: style("--line"), automargin: true,
    linecolor: style("--dim"), ...given, title: { text: given.title, standoff: 8, font: { size: TITLE } } });
  return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: style("--fg"), size: SIZE, family: FAMILY }, margin: { l: 50, r: 15, t: 14, b: 45 },
    hoverlabel: { namelength: -1 }, modebar: { bgcolor: "rgba(0,0,0,0)", color: style("--dim") },
    xaxis: axis(x), yaxis: axis(y), ...more,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", maxheight: 0.9, font: { size: SIZE }, ...more.legend } };
}

/** What a plot is made of, with its texts as Plotly shows them as they are: it reads some HTML in them. */
const TEXTS = ["name", "text", "ticktext", "x", "y"];
function asTexts(node, key = "") {
  if (typeof node === "string") return TEXTS.includes(key) ? plain(node) : node;
  if (Array.isArray(node)) return node.map((one) => asTexts(one, key));
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(Object.entries(node).map(([k, value]) => [k, asTexts(value, k)]));
}
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
  .replaceAll("\n", "<br>");

/**
 * Draw what `make` returns into an element, now and whenever the colours or the width change: {traces, layout}, and
 * where it has any, {named}: what makes its annotations, given the width and the height of the plane in pixels.
 */
function plot(where, make) {
  let annotations = [];
  const draw = () => {
    const { traces, layout: how, named } = make();
    fit(traces, how, where.clientWidth);
    if (document.documentElement.classList.contains("printing")) how.width = where.clientWidth;
    const drawn = Plotly.react(where, asTexts(traces), { ...asTexts(how), annotations }, { displaylogo: false, responsive: true,
      modeBarButtonsToRemove: ["lasso2d", "select2d"] });
    return !named ? drawn : drawn.then(() => {
      const { width, height } = where.querySelector(".nsewdrag").getBoundingClientRect();
      annotations = asTexts(named(width, height));
      return Plotly.relayout(where, { annotations });
    });
  };
  plots.push([where, draw]);
  draw();
  return draw;
}

/** A place for one more picture. */
function added(grid) {
  const where = element("div", "", { class: "plot" });
  grid.append(where);
  return where;
}

/** A select with a name before it; `change` is called with what is chosen. */
function choice(name, options, chosen, change) {
  const select = element("select", "", { "aria-label": name });
  for (const [value, text] of options) select.append(new Option(text, value, false, value === chosen));
  select.addEventListener("change", () => change(select.value));
  const outer = element("label", `${name} `);
  outer.append(select);
  return outer;
}

/** A box to tick. */
function toggle(name, on, change) {
  const box = element("input", "", { type: "checkbox" });
  box.checked = on;
  box.addEventListener("change", () => change(box.checked));
  const outer = element("label");
  outer.append(box, ` ${name}`);
  return outer;
}

/** The corners of the stairs through points (in order of x), so that they can be filled. */
function stairs(xs, ys, first) {
  const out = [[], []];
  xs.forEach((x, i) => {
    if (i && first === "hv") { out[0].push(x); out[1].push(ys[i - 1]); }
    if (i && first === "vh") { out[0].push(xs[i - 1]); out[1].push(ys[i]); }
    out[0].push(x); out[1].push(ys[i]);
  });
  return out;
}
