// The plane of two objectives: trials, fronts, bands, lines of the same ELBO, and one trial's own line.
const RATE = "val/rate", DISTORTION = "val/distortion", ELBO = "val/negative_elbo";
const state = { colour: "beta", shape: null, logX: false, logY: false, iso: true, bands: true, picked: null };
const metrics = data.objectives.map((o) => o.key);
const words = ["group", ...data.parameters, "normalisation", "standing"].filter((c, i, all) =>
  columns[c] && all.indexOf(c) === i && !isNumber(c) && (values(c).length > 1 || c === "standing") && values(c).length <= 8);
const onPlane = (x, y) => data.oneScale && [x, y].sort().join() === [DISTORTION, RATE].join();
const step = (x) => data.objectives.find((o) => o.key === x).direction === "maximize" ? "vh" : "hv";
if (data.groups.length > 1) state.colour = "group";
state.shape = every().some(unsettled) ? "standing" : words.find((c) => c !== state.colour) || "";

function planeOf(x, y) {
  const bands = data.objectives.length === 2 && state.bands ? data.groups.flatMap((g, i) => bandOf(g, i, x)) : [];
  const fronts = data.objectives.length === 2 ? data.groups.map((g, i) => frontOf(g, i, x, y)) : [];
  const ranges = [rangeOf(x, state.logX), rangeOf(y, state.logY)];
  const lines = onPlane(x, y) && state.iso ? sameElbo(ranges) : [];
  const own = onPlane(x, y) && state.picked !== null ? [ownLine(ranges, x)] : [];
  const floor = onPlane(x, y) ? trueNll(ranges) : [];
  const curves = data.curves.map((curve, k) => curveOf(curve, k, x, y));
  const linear = onPlane(x, y) ? data.floors.map((f) => linearFront(f, x, y)) : [];
  const axis = (column, log, range) => ({ title: label(column), type: log ? "log" : "linear", range });
  const how = layout(axis(x, state.logX, ranges[0]), axis(y, state.logY, ranges[1]), {
    height: narrow() ? 460 : 600, hovermode: "closest",
    coloraxis: { colorscale: "Viridis", colorbar: { title: { text: colourTitle(), side: "right" }, len: 0.9,
      thickness: narrow() ? 8 : 14 } } });
  const named = (width, height) => {
    const pixels = pixelsOf(ranges, width, height), room = new Room(width, height);
    for (const i of every()) room.take(around(pixels(columns[x][i], columns[y][i]), 6));
    const points = data.named.map((n) => pointedOut(n, x, y, pixels, room));
    return [...points, ...lines.map((line) => nameOf(line, pixels, room))].filter(Boolean);
  };
  return { traces: [...bands, ...lines, ...floor, ...linear, ...own, ...fronts, ...curves, ...pointsOf(x, y), ...ringsOf(x, y)], layout: how, named };
}

function rangeOf(column, log) {
  const floors = column === DISTORTION ? data.floors.flatMap((f) => f[DISTORTION].slice(-1)) : [];
  const seen = [...columns[column], ...floors].filter((v) => v !== null && (v > 0 || !log));
  let [low, high] = [Math.min(...seen), Math.max(...seen)];
  if (log) [low, high] = [Math.log10(low), Math.log10(high)];
  const room = 0.05 * (high - low) || 1;
  return [low - room, high + room];
}

/** Colours that span more than a decade are shown by their logarithm. */
function colours() {
  const all = columns[state.colour], seen = all.filter((v) => v > 0);
  const log = seen.length === all.length && Math.max(...seen) > 10 * Math.min(...seen);
  return { log, of: (i) => all[i] === null ? null : log ? Math.log10(all[i]) : all[i] };
}
const colourTitle = () => isNumber(state.colour) ? `${colours().log ? "log₁₀ " : ""}${label(state.colour)}` : "";

const shapeOf = (value) => SYMBOLS[values(state.shape).indexOf(value) % SYMBOLS.length];

/** The mark of a trial: its shape is that of the chosen column, and hollow where it is not settled. */
function symbolOf(i) {
  if (state.shape === "standing") return MARKS[columns.standing[i]] || "circle";
  const shape = state.shape ? shapeOf(columns[state.shape][i]) : "circle";
  return unsettled(i) ? `${shape}-open` : shape;
}

/** What the marks say of how trials stand, for the legend, unless it names each standing already. */
function standingsNamed(by) {
  if (by === "standing" || !every().some(unsettled)) return [];
  const named = state.shape === "standing" ? values("standing").filter((s) => s !== null).map((s) => [s, MARKS[s]])
    : [["not settled", "circle-open"]];
  return named.map(([name, symbol]) => ({ type: "scatter", mode: "markers", name, x: [null], y: [null],
    marker: { size: 9, color: style("--fg"), symbol, line: { width: 1.5 } } }));
}

/** A trace for each name in the legend, which turns it off and on. */
function pointsOf(x, y) {
  const numeric = isNumber(state.colour);
  const by = numeric ? state.shape : state.colour;
  const names = by ? values(by) : [null];
  const { of } = numeric ? colours() : {};
  const points = names.flatMap((name, k) => {
    const rows = every().filter((i) => !by || columns[by][i] === name), own = { legendgroup: `group ${name}` };
    const symbol = by !== state.shape || !by ? "circle" : by === "standing" ? MARKS[name] || "circle" : shapeOf(name);
    const named = { ...own, type: "scatter", mode: "markers", name: by ? shorter(name) : "trials", x: [null], y: [null],
      showlegend: Boolean(by), // beside the points: of a colour scale the legend shows no colour
      marker: { size: 9, color: numeric ? style("--fg") : PALETTE[k % PALETTE.length], symbol, line: { width: 1.5 } } };
    return [named, { ...own, type: "scatter", mode: "markers", name: "", hoverinfo: "none",
      x: rows.map((i) => columns[x][i]), y: rows.map((i) => columns[y][i]), customdata: rows,
      showlegend: false, error_x: barsOf(x, rows), error_y: barsOf(y, rows),
      marker: { size: rows.map((i) => count > 500 || isOfCurve(i) ? 6 : 9), symbol: rows.map(symbolOf), 
        line: { width: rows.map((i) => unsettled(i) ? 1.5 : 0.5), color: style("--bg") },
        opacity: rows.map((i) => columns.on_front[i] ? 1 : unsettled(i) ? 0.7 : 0.4),
        color: numeric ? rows.map(of) : PALETTE[k % PALETTE.length],
        ...(numeric ? { coloraxis: "coloraxis" } : {}) } }];
  });
  return [...points, ...standingsNamed(by)];
}

function barsOf(column, rows) {
  const spread = columns[`sd/${column}`];
  if (!spread) return undefined;
  return { type: "data", array: rows.map((i) => spread[i]), color: style("--line"), thickness: 1, width: 0 };
}

function frontOf(group, i, x, y) {
  const rows = every().filter((r) => columns.group[r] === group && columns.on_front[r]);
  rows.sort((a, b) => columns[x][a] - columns[x][b]);
  const several = data.groups.length > 1;
  return { type: "scatter", mode: "lines", hoverinfo: "skip", name: several ? `front of ${group}` : "front",
    x: rows.map((r) => columns[x][r]), y: rows.map((r) => columns[y][r]),
    line: { shape: step(x), width: 1.5, color: several ? PALETTE[i % PALETTE.length] : style("--dim") } };
}

/** The band between what a quarter and what three quarters of the replicates attain. */
function bandOf(group, i, x) {
  const band = data.bands[group] || {};
  if (!band["25"]) return [];
  const side = (points) => stairs(points.map((p) => p[0]), points.map((p) => p[1]), step(x));
  const [a, b] = [side(band["25"]), side(band["75"])];
  const colour = PALETTE[i % PALETTE.length], name = data.groups.length > 1 ? ` of ${group}` : "";
  return [{ type: "scatter", mode: "lines", fill: "toself", hoverinfo: "skip", fillcolor: `${colour}33`,
    line: { width: 0 }, name: `25 to 75 % of replicates${name}`,
    x: [...a[0], ...b[0].reverse()], y: [...a[1], ...b[1].reverse()] }];
}

/** Ends of an axis in its own units. */
const ends = (range, log) => log ? range.map((v) => 10 ** v) : range;

/** Lines along which D + R is the same, from the best of all trials upwards. */
function sameElbo(ranges) {
  const best = Math.min(...columns[ELBO]), [left, right] = ends(ranges[0], state.logX);
  const top = ends(ranges[1], state.logY)[1];
  const raw = (right + top - best) / 7, power = 10 ** Math.floor(Math.log10(raw));
  const wide = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= raw);
  const levels = [best];
  for (let v = Math.ceil(best / wide + 0.2) * wide; v < right + top; v += wide) levels.push(v);
  return levels.map((level, i) => ({ ...straight(level, 1, left, right), level, showlegend: i === 0,
    legendgroup: "elbo", name: "D + R constant (nats)", line: { width: 1, dash: "dot", color: style("--dim") },
    opacity: 0.6 }));
}

/** Where the probabilities of the data are known: D + R = -ln P of its validation split, below which no trial lies. */
function trueNll(ranges) {
  const [level] = Object.values(data.truths);
  return level === undefined ? [] : [{ ...straight(level, 1, ...ends(ranges[0], state.logX)),
    name: `true NLL, ${shorter(Math.round(level * 100) / 100)} nats`, line: { width: 1.5, color: style("--mark") } }];
}

/** What the best linear VAE reaches, which was forecast of the data: a trial above it has not converged, or is too weak. */
const linearFront = (floor, x, y) => ({ type: "scatter", mode: "lines", hoverinfo: "skip", name: floor.name,
  x: floor[x], y: floor[y], line: { width: 1.5, dash: "dash", color: style("--fg") } });

/** The curve of one model conditioned on β, in order of β. */
const curveOf = (curve, k, x, y) => ({ type: "scatter", mode: "lines", hoverinfo: "skip",
  name: data.groups.length > 1 ? `${curve.group}, ${curve.name}` : curve.name,
  x: curve.rows.map((i) => columns[x][i]), y: curve.rows.map((i) => columns[y][i]),
  line: { width: 2, color: data.groups.length > 1 ? PALETTE[data.groups.indexOf(curve.group) % PALETTE.length] : PALETTE[(k + 3) % PALETTE.length] } });

/** Points of y + slope·x = level, many, since a logarithmic axis bends it. */
function straight(level, slope, left, right) {
  const xs = [...Array(61).keys()].map((k) => left + (right - left) * k / 60);
  return { type: "scatter", mode: "lines", hoverinfo: "skip", x: xs, y: xs.map((x) => level - slope * x) };
}

/** From the units of the axes to pixels from the upper left of the plane. */
function pixelsOf([across, up], width, height) {
  const share = (v, [low, high], log) => ((log ? Math.log10(Math.max(v, 1e-9)) : v) - low) / (high - low);
  return (x, y) => [share(x, across, state.logX) * width, (1 - share(y, up, state.logY)) * height];
}

const around = ([x, y], far) => [x - far, y - far, x + far, y + far];

/** A text at a place in the units of the axes. */
function textAt(x, y, text, font, more = {}) {
  const scale = (v, log) => log ? Math.log10(v) : v;
  return { x: scale(x, state.logX), y: scale(y, state.logY), text, font, showarrow: false, xanchor: "center",
    yanchor: "middle", bgcolor: style("--bg"), ...more };
}

/** The number of a line, where along it there is room; none where there is not. */
function nameOf(line, pixels, room) {
  const text = shorter(Math.round(line.level * 10) / 10), size = 9;
  const places = line.x.map((x, i) => pixels(x, line.y[i]));
  const i = places.indexOf(room.first(places, [wide(text, size) + 6, size + 8]));
  return i < 0 ? null : textAt(line.x[i], line.y[i], text, { size, color: style("--dim") });
}

/** What the picked trial was trained for: no other trial may lie below this line, had it converged. */
function ownLine(ranges, x) {
  const i = state.picked, beta = columns.beta[i];
  const level = columns[DISTORTION][i] + beta * columns[RATE][i];
  const [across, up] = x === RATE ? [beta, 1] : [1, beta];
  return { ...straight(level / up, across / up, ...ends(ranges[0], state.logX)), name: `D + ${shorter(beta)}·R of ${trialOf(i)}`,
    line: { width: 1.5, dash: "dash", color: "#d62728" } };
}

/** The row of a point, or where that has no β of its own the row of a trial: of one with a curve that at the β of its run. */
const rowOf = (n) => every().find((i) => columns.study[i] === n.study && columns.trial[i] === n.trial &&
  (n.beta === undefined ? !isOfCurve(i) || columns.as_written[i] : columns.beta[i] === n.beta));

function ringsOf(x, y) {
  const rows = data.named.map(rowOf).filter((i) => i !== undefined);
  return [{ type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false,
    x: rows.map((i) => columns[x][i]), y: rows.map((i) => columns[y][i]),
    marker: { size: 17, color: "rgba(0,0,0,0)", line: { width: 2, color: "#d62728" } } }];
}

/** The name of an advised point, beside it where there is room, and a line to it. */
function pointedOut(named, x, y, pixels, room) {
  const i = rowOf(named);
  if (i === undefined) return null;
  const text = narrow() ? named.text.split(",")[0] : named.text, [px, py] = pixels(columns[x][i], columns[y][i]);
  const size = [wide(text, SIZE) + 8, SIZE + 10], towards = px < room.width / 2 ? 1 : -1;
  const places = [40, 70, 110, 160, 220].flatMap((far) => [[1, -1], [1, 1], [-1, -1], [-1, 1]].map(([h, v]) =>
    [px + towards * h * (size[0] + far) / 2, py + v * far]));
  const [tx, ty] = room.first(places, size) || places[0];
  return textAt(columns[x][i], columns[y][i], text, { size: SIZE }, { showarrow: true, ax: tx - px, ay: ty - py,
    arrowcolor: "#d62728", arrowwidth: 1, arrowhead: 0, standoff: 9 });
}

/** What is known of a trial, as lines of text. */
function told(i) {
  const chosen = data.parameters.filter((p) => columns[p][i] !== null).map((p) => [label(p), columns[p][i]]);
  const others = Object.keys(columns).filter((c) => !data.parameters.includes(c) && !c.startsWith("sd/") &&
    !["study", "group", "trial", "on_front", "of_curve", "as_written", "normalisation", "weight", ...data.standingColumns].includes(c) && columns[c][i] !== null);
  return [...chosen, ...others.map((c) => [label(c), columns[c][i]])];
}

const titleOf = (i) => `trial ${columns.trial[i]} of ${columns.study[i]}${isOfCurve(i) ? `, its curve at β ${shorter(columns.beta[i])}` : ""}${columns.on_front[i] ? ", on the front" : ""}`;
const standing = (i) => (data.standings[columns.study[i]] || {})[columns.trial[i]];
/** Of a point of a curve only where it has the β of the run, at which its pictures were drawn. */
const picture = (i) => isOfCurve(i) && !columns.as_written[i] ? undefined : (data.thumbnails[columns.study[i]] || {})[columns.trial[i]];
/** Images above their reconstructions, or a sentence with its reconstructions. */
const drawnOf = (i) => picture(i).startsWith("data:")
  ? element("img", "", { src: picture(i), alt: "images above their reconstructions" }) : element("pre", picture(i));

function showCard(event) {
  const i = event.points[0].customdata, card = byId("card");
  if (i === undefined) return;
  card.replaceChildren(element("b", titleOf(i)));
  if (standing(i)) card.append(element("div", standing(i), { class: "standing" }));
  const most = told(i).slice(0, data.parameters.length + 7);
  for (const [name, value] of most) card.append(element("div", `${name} = ${shorter(value)}`));
  if (picture(i)) card.append(drawnOf(i));
  card.hidden = false;
  const { clientX: px, clientY: py } = event.event, box = card.getBoundingClientRect();
  const fits = px + 18 + box.width < window.innerWidth, low = py > window.innerHeight / 2;
  card.style.left = `${Math.max(4, fits ? px + 18 : px - 18 - box.width)}px`;
  card.style.top = low ? "" : `${py + 12}px`; // its picture comes later, and makes it longer
  card.style.bottom = low ? `${window.innerHeight - py + 12}px` : "";
}

function pick(i) {
  state.picked = i;
  const study = columns.study[i], trial = columns.trial[i], where = byId("picked");
  const left = element("div"), link = (data.links[study] || {})[trial];
  left.append(element("b", titleOf(i)));
  if (standing(i)) left.append(element("div", standing(i), { class: "standing" }));
  const table = element("table");
  for (const [name, value] of told(i)) {
    const row = element("tr");
    row.append(element("td", name), element("td", shorter(value)));
    table.append(row);
  }
  left.append(table);
  const right = element("div");
  if (picture(i)) right.append(drawnOf(i));
  const again = `betafront train --trial ${trial} --study ${quoted(study)}`;
  right.append(element("div", "Again, to the same numbers:"), copied(again));
  const at = `--at trial=${trial}${isOfCurve(i) ? `,beta=${columns.beta[i]}` : ""}`, named = study.startsWith("-") ? `${at} -- ${quoted(study)}` : `${quoted(study)} ${at}`;
  right.append(element("div", "Its model, in a folder:"), copied(`betafront export ${named}`));
  if (link) {
    const outer = element("div");
    outer.append(element("a", "its page in MLflow", { href: link, target: "_blank", rel: "noopener" }));
    if (data.needs[study]) outer.append(` (while ${data.needs[study]} runs)`);
    right.append(outer);
  }
  where.replaceChildren(left, right);
  where.hidden = false;
  redraw();
}

/** A name as a shell takes it. */
const quoted = (name) => /^[\w.@%+=:,\/-]+$/.test(name) ? name : `'${name.replaceAll("'", `'"'"'`)}'`;

/** A command with a button that copies it; where the browser does not let it, it is selected. */
function copied(command) {
  const outer = element("div"), code = element("code", command), button = element("button", "copy");
  button.addEventListener("click", () => {
    const selected = () => window.getSelection().selectAllChildren(code);
    if (!navigator.clipboard) { selected(); return; }
    navigator.clipboard.writeText(command).then(() => { button.textContent = "copied"; }, selected);
  });
  outer.append(code, " ", button);
  return outer;
}

const redraws = [];
const redraw = () => redraws.forEach((draw) => draw());

function drawPlanes() {
  const drawn = [...document.querySelectorAll(".plane")], pairs = drawn.map((where) => [where.dataset.x, where.dataset.y]);
  for (const where of drawn) {
    const { x, y } = where.dataset;
    redraws.push(plot(where, () => planeOf(x, y)));
    where.on("plotly_hover", showCard);
    where.on("plotly_unhover", () => { byId("card").hidden = true; });
    where.on("plotly_click", (event) => { if (event.points[0].customdata !== undefined) pick(event.points[0].customdata); });
  }
  const set = (key) => (value) => { state[key] = value; redraw(); };
  const skip = ["study", "trial", "on_front", "as_written"];
  const all = Object.keys(columns).filter((c) => !skip.includes(c) && !c.startsWith("sd/") && values(c).length > 1)
    .filter((c) => isNumber(c) || values(c).length <= 8).map((c) => [c, label(c)]);
  if (all.length && !all.some(([c]) => c === state.colour)) state.colour = all[0][0];
  const controls = all.length ? [choice("colour", all, state.colour, set("colour"))] : []; // not of one trial
  if (words.length) controls.push(choice("shape", [["", "none"], ...words.map((c) => [c, label(c)])], state.shape, set("shape")));
  const positive = (axis) => pairs.every((pair) => columns[pair[axis]].every((v) => v > 0));
  if (positive(0)) controls.push(toggle("log x", false, set("logX")));
  if (positive(1)) controls.push(toggle("log y", false, set("logY")));
  if (pairs.some((pair) => onPlane(...pair))) controls.push(toggle("D + R lines", true, set("iso")));
  if (Object.values(data.bands).some((band) => band["25"])) controls.push(toggle("replicates", true, set("bands")));
  byId("controls").replaceChildren(...controls);
  redraw();
}
