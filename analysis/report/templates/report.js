"use strict";
// tables: a click on a heading sorts, a button copies with tabs between the cells
function number(text) {
  // the number in front of its interval or range counts
  const alone = text.replace(/\s*[[(].*$/, "").replace("\u2212", "-");
  const said = alone.trim().replace(/[,%\u00d7]/g, "").replace(/^p [<=] /, "").replace(/^< /, "");
  return said === "" || Number.isNaN(Number(said)) ? null : Number(said);
}
function compare(first, second) {
  const numbers = [number(first), number(second)];
  if (numbers[0] !== null && numbers[1] !== null) return numbers[0] - numbers[1];
  // a text stands after every number, so that dashes come last
  if (numbers[0] !== null || numbers[1] !== null) return numbers[0] !== null ? -1 : 1;
  return first.localeCompare(second);
}
function sortBy(table, place) {
  const heads = [...table.tHead.rows[0].cells];
  const down = heads[place].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[place].setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const text = (row) => row.cells[place].textContent.trim();
  const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)) * (down ? -1 : 1));
  body.append(...rows);
}
async function copied(table, button) {
  const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim()).join("\t");
  try {
    await navigator.clipboard.writeText([...table.rows].map(cells).join("\n"));
    button.textContent = "copied";
  } catch {
    // without the right to write there, the table is selected, and the reader copies it
    window.getSelection().selectAllChildren(table);
    button.textContent = "selected: press Ctrl+C";
  }
}
for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, place));
  });
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  copy.textContent = "copy table";
  copy.addEventListener("click", () => copied(table, copy));
  table.parentElement.after(copy);
}
// the contents mark the section in view
const links = new Map(
  [...document.querySelectorAll("nav.contents a")].map((link) => [link.hash.slice(1), link]),
);
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -70% 0px" });
links.forEach((_, id) => seen.observe(document.getElementById(id)));
