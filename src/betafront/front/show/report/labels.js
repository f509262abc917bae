// Texts in figures: folded to the room there is, and put where they cover nothing.
const FAMILY = "system-ui, sans-serif";
const pen = document.createElement("canvas").getContext("2d");

/** The width of a line of text in pixels. */
function wide(text, size) {
  pen.font = `${size}px ${FAMILY}`;
  return pen.measureText(text).width;
}

/** Text in lines no wider than `room` pixels, broken after a space or a sign, or within a word that is longer. */
function folded(text, room, size) {
  const lines = [""];
  for (const piece of String(text).split(/(?<=[\s\-_/.,;:])/)) {
    if (lines.at(-1) && wide(lines.at(-1) + piece.trimEnd(), size) > room) lines.push("");
    for (const sign of piece) {
      if (lines.at(-1) && wide(lines.at(-1) + sign.trimEnd(), size) > room) lines.push("");
      lines[lines.length - 1] += sign;
    }
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** The titles and the names of a figure, folded to its width, and its height with the room that its legend takes. */
function fit(traces, how, width) {
  const { margin, legend } = how, stands = legend.orientation === "v";
  const marks = how.yaxis.ticktext || traces.flatMap((t) => t.orientation === "h" ? t.y : []);
  const left = Math.max(margin.l, ...marks.map((mark) => wide(mark, how.font.size) + 15));
  const across = width - left - margin.r;
  if (how.title) {
    how.title.text = folded(how.title.text, width - 10, how.title.font.size);
    margin.t = 10 + 1.3 * how.title.font.size * linesOf(how.title.text);
  }
  how.xaxis.title.text = folded(how.xaxis.title.text, across, TITLE);
  how.yaxis.title.text = folded(how.yaxis.title.text, how.height - 110, TITLE);
  const named = traces.filter((t) => t.name);
  for (const t of named) t.name = folded(t.name, stands ? 0.3 * width : across - 60, legend.font.size);
  const entries = named.filter((t) => t.showlegend !== false).reduce((sum, t) => sum + 1.3 * legend.font.size * linesOf(t.name) + 8, 0);
  if (stands) how.height = Math.max(how.height, entries / legend.maxheight + 80);
  if (!stands) how.height += Math.max(0, heightOf(named.filter((t) => t.showlegend !== false), across, legend.font.size) - 40);
}

const linesOf = (text) => text.split("\n").length;

/** Of a horizontal legend: in columns as wide as its widest name. */
function heightOf(named, across, size) {
  const widest = Math.max(0, ...named.flatMap((t) => t.name.split("\n").map((line) => wide(line, size))));
  const columns = Math.max(1, Math.floor(across / (widest + 50)));
  const lines = named.reduce((sum, t) => sum + 1.3 * size * linesOf(t.name) + 6, 0);
  return lines / columns;
}

const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Where texts can stand in a plane, one after another: [left, top, right, bottom] in pixels from its upper left. */
class Room {
  constructor(width, height) {
    Object.assign(this, { width, height, taken: [] });
  }

  take(box) { this.taken.push(box); }

  isFree(box) {
    return box[0] >= 0 && box[1] >= 0 && box[2] <= this.width && box[3] <= this.height &&
      !this.taken.some((other) => meet(box, other));
  }

  /** The first of the places at which a text of some size is free, which is taken then; undefined where none is. */
  first(places, size) {
    const boxAt = ([x, y]) => [x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2];
    const found = places.find((place) => this.isFree(boxAt(place)));
    if (found) this.take(boxAt(found));
    return found;
  }
}
