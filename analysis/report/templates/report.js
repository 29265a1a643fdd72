"use strict";
// one column on a narrow page; colours follow the page, so that dark, light and paper need no redraw
const narrow = window.matchMedia("(max-width: 44rem)");
const look = {
  axis: { labelColor: "currentColor", titleColor: "currentColor" },
  legend: { labelColor: "currentColor", titleColor: "currentColor" },
  title: { color: "currentColor" },
  header: { labelColor: "currentColor", titleColor: "currentColor" },
  text: { color: "currentColor" },
};
function stacked(spec) {
  if (Array.isArray(spec)) return spec.map(stacked);
  if (spec === null || typeof spec !== "object") return spec;
  const made = {};
  for (const [name, part] of Object.entries(spec)) {
    made[name] = name === "datasets" ? part : stacked(part);
  }
  if (typeof made.columns === "number") made.columns = 1;
  return made;
}
async function draw() {
  for (const figure of document.querySelectorAll("figure.drawn")) {
    const place = figure.querySelector(".chart");
    let spec = JSON.parse(figure.querySelector("script").textContent);
    if (narrow.matches) spec = stacked(spec);
    try {
      await vegaEmbed(place, spec, { actions: false, renderer: "svg", config: look });
    } catch (error) {
      place.textContent = `not drawn: ${error.message}`;
      console.error(error);
    }
  }
  document.documentElement.dataset.drawn = "yes";
}
narrow.addEventListener("change", draw);
draw();
