// What makes the page: all its pictures, its colours, and the trials as files.

/** The colours that are not in force now. */
function otherTheme() {
  const now = document.documentElement.dataset.theme ||
    (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  return now === "dark" ? "light" : "dark";
}

const recolour = () => plots.forEach(([, draw]) => draw());

function save(name, type, text) {
  const link = element("a", "", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function asCsv() {
  const names = Object.keys(columns);
  const cell = (v) => v === null ? "" : /[",\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v);
  return [names.join(","), ...every().map((i) => names.map((n) => cell(columns[n][i])).join(","))].join("\n");
}

drawPlanes();
drawMultiples();
if (columns[RATE] && columns[DISTORTION]) plot(added(byId("scale")), scaleOf);
if (Object.values(data.slopes).some((s) => s.beta && s.beta.length > 2)) plot(added(byId("scale")), slopesOf);
drawTraining();
drawSearch();

byId("theme").addEventListener("click", () => { document.documentElement.dataset.theme = otherTheme(); recolour(); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
let width = window.innerWidth, waiting; // texts are folded to the width of the page
window.addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { if (window.innerWidth !== width) { width = window.innerWidth; recolour(); } }, 200);
});
let before; // what the reader had chosen, while the page is printed on white
window.addEventListener("beforeprint", () => {
  before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  document.documentElement.classList.add("printing"); // as wide as paper
  recolour();
});
window.addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  if (before) document.documentElement.dataset.theme = before; else delete document.documentElement.dataset.theme;
  recolour();
});
const file = [...new Set(columns.study)].join("-");
byId("csv").addEventListener("click", () => save(`${file}.csv`, "text/csv", asCsv()));
byId("json").addEventListener("click", () => save(`${file}.json`, "application/json", JSON.stringify(data.columns)));
