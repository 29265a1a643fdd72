"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const n = data.tokens.length, L = data.alive.length, H = data.alive[0].length;
const byId = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("#grid button")];
const state = { kind: Object.keys(data.kinds)[0], layer: 0, head: 0, row: 0, column: 0 };
const packed = {};
for (const [kind, one] of Object.entries(data.kinds)) {
  packed[kind] = Uint8Array.from(atob(one.data), (letter) => letter.charCodeAt(0));
}

function valueOf(layer, head, row, column) {
  const { low, high } = data.kinds[state.kind], bytes = packed[state.kind];
  let at = ((layer * H + head) * n + row) * n + column, whole;
  if (data.bytes === 2) {
    at *= 2;
    whole = bytes[at] + 256 * bytes[at + 1];
  } else whole = bytes[at];
  return low[layer][head] + whole * (high[layer][head] - low[layer][head]) / data.levels;
}

const alive = (layer, head) => data.alive[layer][head] === 1;
const greyed = () => data.before && byId("before").checked;
const drawn = (layer, head) => alive(layer, head) || greyed();
const extreme = (layer, head) => Math.max(
  Math.abs(data.kinds[state.kind].low[layer][head]), data.kinds[state.kind].high[layer][head]);
function scaleOf(layer, head) {
  if (!byId("same").checked) return extreme(layer, head) || 1;
  let most = 0;
  for (let l = 0; l < L; l++) for (let h = 0; h < H; h++) {
    if (drawn(l, h)) most = Math.max(most, extreme(l, h));
  }
  return most || 1;
}

function colour(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
let colours;
function mixed(share, living) {
  const strength = Math.sqrt(Math.min(1, Math.abs(share)));
  const to = !living ? colours.gone : share < 0 ? colours.less : colours.much;
  return colours.none.map((from, i) => Math.round(from + (to[i] - from) * strength));
}

function paint(canvas, layer, head) {
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d");
  if (!drawn(layer, head)) return;
  const image = context.createImageData(n, n), scale = scaleOf(layer, head);
  for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) {
    const share = valueOf(layer, head, row, column) / scale;
    image.data.set([...mixed(share, alive(layer, head)), 255], 4 * (row * n + column));
  }
  context.putImageData(image, 0, 0);
}

function paintAll() {
  colours = { much: colour("--much"), less: colour("--less"), gone: colour("--gone"),
    none: colour("--panel") };
  document.body.classList.toggle("before", Boolean(greyed()));
  for (const button of buttons) {
    paint(button.firstElementChild, +button.dataset.layer, +button.dataset.head);
  }
  byId("about").textContent = document.querySelector("[name=kind]:checked").dataset.about;
  showOne();
}

const shown = (value) => (Math.abs(value) < 0.0005 ? "0" : value.toFixed(3));

function showOne() {
  const { layer, head } = state, living = alive(layer, head);
  for (const button of buttons) {
    const mine = +button.dataset.layer === layer && +button.dataset.head === head;
    button.setAttribute("aria-pressed", String(mine));
    button.tabIndex = mine ? 0 : -1;
  }
  const end = living ? "" : greyed() ? " (pruned; as in the full model)" : " (pruned)";
  byId("one-title").textContent = `Layer ${layer}, head ${head}${end}`;
  byId("map").setAttribute("aria-label", `${byId("one-title").textContent}; arrow keys move`);
  byId("map").classList.toggle("dead", !drawn(layer, head));
  byId("scale").style.visibility = drawn(layer, head) ? "visible" : "hidden";
  const scale = scaleOf(layer, head), negative = data.kinds[state.kind].low[layer][head] < 0;
  const ramp = byId("ramp").getContext("2d");
  for (let x = 0; x < 128; x++) {
    const share = negative ? (x - 63.5) / 63.5 : x / 127;
    ramp.fillStyle = `rgb(${mixed(share, living).join(" ")})`;
    ramp.fillRect(x, 0, 1, 1);
  }
  byId("low").textContent = negative ? shown(-scale) : "0";
  byId("high").textContent = shown(scale);
  const room = byId("one").clientWidth - 120;
  const size = Math.max(13, Math.min(30, Math.floor(room / n)));
  const big = byId("big");
  paint(big, layer, head);
  big.style.width = big.style.height = `${size * n}px`;
  for (const [id, side] of [["rows", "height"], ["columns", "width"]]) {
    byId(id).replaceChildren(...data.tokens.map((token) => {
      const label = document.createElement("span");
      label.textContent = token;
      label.title = token;
      label.style[side] = `${size}px`;
      return label;
    }));
  }
  read(state.row, state.column);
  if (byId("numbers").open) list();
}

function read(row, column) {
  Object.assign(state, { row, column });
  for (const [id, place] of [["rows", row], ["columns", column]]) {
    [...byId(id).children].forEach((one, i) => one.classList.toggle("on", i === place));
  }
  const value = drawn(state.layer, state.head)
    ? valueOf(state.layer, state.head, row, column).toFixed(4) : "pruned head, no value";
  byId("reading").textContent = `“${data.tokens[row]}” (${row}) → “${data.tokens[column]}” `
    + `(${column}): ${value}`;
}

function list() {
  const cell = (name, text, scope) => {
    const made = document.createElement(name);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  };
  const line = (first, rest) => {
    const made = document.createElement("tr");
    made.append(first, ...rest);
    return made;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(line(cell("th", "from \\ to", "col"), data.tokens.map((t) => cell("th", t, "col"))));
  data.tokens.forEach((token, row) => body.append(line(cell("th", token, "row"),
    data.tokens.map((_, column) => cell("td", drawn(state.layer, state.head)
      ? valueOf(state.layer, state.head, row, column).toFixed(3) : "")))));
  byId("values").replaceChildren(head, body);
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
// with a modifier a key belongs to the browser: Alt+ArrowLeft goes back
const moveOf = (event) => (event.altKey || event.ctrlKey || event.metaKey
  ? undefined : MOVES[event.key]);
const within = (place, size) => Math.max(0, Math.min(size - 1, place));
const stacked = () => byId("one").offsetTop > byId("grid").offsetTop + 100;

byId("grid").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  Object.assign(state, { layer: +button.dataset.layer, head: +button.dataset.head });
  showOne();
  if (stacked()) byId("one").scrollIntoView({ block: "start" });
});
byId("grid").addEventListener("keydown", (event) => {
  const move = moveOf(event), button = event.target.closest("button");
  if (!move || !button) return;
  event.preventDefault();
  state.layer = within(+button.dataset.layer + move[0], L);
  state.head = within(+button.dataset.head + move[1], H);
  showOne();
  buttons[state.layer * H + state.head].focus();
});
byId("map").addEventListener("keydown", (event) => {
  if (event.key === "Escape") buttons[state.layer * H + state.head].focus();
  const move = moveOf(event);
  if (!move) return;
  event.preventDefault();
  read(within(state.row + move[0], n), within(state.column + move[1], n));
});
function point(event) {
  const box = byId("big").getBoundingClientRect();
  read(within(Math.floor((event.clientY - box.top) / box.height * n), n),
    within(Math.floor((event.clientX - box.left) / box.width * n), n));
}
byId("big").addEventListener("pointermove", point);
byId("big").addEventListener("pointerdown", point);
byId("kinds").addEventListener("change", (event) => {
  state.kind = event.target.value;
  paintAll();
});
byId("same").addEventListener("change", paintAll);
if (data.before) byId("before").addEventListener("change", paintAll);
byId("numbers").addEventListener("toggle", () => byId("numbers").open && list());
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAll);
window.addEventListener("resize", showOne);
const first = data.alive.flat().indexOf(1);
if (first >= 0) Object.assign(state, { layer: Math.floor(first / H), head: first % H });
paintAll();
