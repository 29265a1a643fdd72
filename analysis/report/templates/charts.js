"use strict";
// colours follow the page, so that dark, light and paper need no redraw
const narrow = window.matchMedia("screen and (max-width: 44rem)");
const look = {
  axis: { labelColor: "currentColor", titleColor: "currentColor" },
  legend: { labelColor: "currentColor", titleColor: "currentColor" },
  title: { color: "currentColor" },
  header: { labelColor: "currentColor", titleColor: "currentColor" },
  text: { color: "currentColor" },
};
// the policy of the page forbids code from text (`ast`) and style elements of the library
const options = { actions: false, renderer: "svg", ast: true, defaultStyle: false,
  tooltip: { disableDefaultStyle: true }, config: look };
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
    const name = place.dataset.alt ?? place.getAttribute("aria-label");
    place.dataset.alt = name;
    let spec = JSON.parse(figure.querySelector("script").textContent);
    if (narrow.matches) spec = stacked(spec);
    try {
      await vegaEmbed(place, spec, options);
      named(place, name);
    } catch (error) {
      place.textContent = `not drawn: ${error.message}`;
      console.error(error);
    }
  }
  document.documentElement.dataset.drawn = "yes";
}

// -- values by keyboard: one tab stop per chart, arrow keys move between its marks -----------------

// one shape for many values: the points on it have them one by one
const WHOLE = new Set(["area", "line", "trail", "group", "text"]);
const OWN = ["role", "aria-label", "aria-roledescription", "aria-hidden"];

function named(place, name) {
  // names that the library makes from the data are replaced by those of the page
  for (const part of place.querySelectorAll("[role], [aria-label]")) {
    OWN.forEach((attribute) => part.removeAttribute(attribute));
  }
  place.querySelectorAll("text").forEach((text) => text.setAttribute("aria-hidden", "true"));
  place.removeAttribute("aria-roledescription");
  place.setAttribute("aria-label", name);
  const marks = [...place.querySelectorAll(".role-mark > *")].filter(
    ({ __data__: item }) => item?.tooltip && !WHOLE.has(item.mark?.marktype),
  );
  place.setAttribute("role", marks.length ? "application" : "img");
  if (!marks.length) return;
  place.setAttribute("aria-roledescription", "chart; arrow keys move between its values");
  keyed(place, marks);
}
function said(value) {
  if (typeof value !== "object") return String(value);
  return Object.entries(value).map(([name, text]) => `${name}: ${text}`).join("; ");
}
function centre(mark) {
  const box = mark.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}
function nearest(marks, from, sign) {
  const [x, y] = centre(from);
  let found = null, least = Infinity;
  for (const mark of marks) {
    const [toX, toY] = centre(mark), down = sign * (toY - y);
    const distance = down + 3 * Math.abs(toX - x);
    if (down > 1 && distance < least) [found, least] = [mark, distance];
  }
  return found;
}
function target(marks, from, key) {
  const place = marks.indexOf(from), group = (mark) => mark.parentNode;
  switch (key) {
    case "ArrowRight": return marks[place + 1];
    case "ArrowLeft": return marks[place - 1];
    case "ArrowDown": return nearest(marks, from, 1);
    case "ArrowUp": return nearest(marks, from, -1);
    case "Home": return marks[0];
    case "End": return marks.at(-1);
    case "PageDown": return marks.slice(place).find((mark) => group(mark) !== group(from));
    case "PageUp": return marks.find((mark) => group(mark) === group(
      marks.slice(0, place).findLast((other) => group(other) !== group(from)) ?? marks[0]));
    default: return undefined;
  }
}
function keyed(place, marks) {
  let current = null;
  const stop = (mark) => {
    ["tabindex", "role", "aria-label"].forEach((name) => current?.removeAttribute(name));
    current = mark;
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", said(mark.__data__.tooltip));
  };
  // the value is shown as if the mark were pointed at
  const point = (kind) => {
    const box = current.getBoundingClientRect();
    current.dispatchEvent(new PointerEvent(kind, { bubbles: true,
      clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
  };
  stop(marks[0]);
  const drawing = place.querySelector("svg");
  drawing.addEventListener("focusin", () => point("pointermove"));
  drawing.addEventListener("focusout", () => point("mouseout"));
  drawing.addEventListener("keydown", (event) => {
    if (event.key === "Escape") point("mouseout");
    // with a modifier a key belongs to the browser: Alt+ArrowLeft goes back
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = target(marks, current, event.key);
    if (to === undefined) return;
    event.preventDefault();
    if (to === null) return;
    point("mouseout");
    stop(to);
    to.focus();
  });
}
narrow.addEventListener("change", draw);
draw();
