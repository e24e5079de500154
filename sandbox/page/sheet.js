// The sheet to type in: keyboard, mouse and clipboard on one side, the sandbox on the other.

import { act, follow, loadCells } from "./book.js";
import { Selection } from "./selection.js";
import { Table } from "./table.js";

const FIRST_ROWS = 500;
const find = (id) => document.getElementById(id);
const scroll = find("scroll");
const formula = find("formula");
const table = new Table(scroll.querySelector("table"));
const selection = new Selection();
const own = new Set(); // cells that this page wrote and that needn't flash
const fromHash = new URLSearchParams(location.hash.slice(1)).get("gid");
let sheet = fromHash === null ? null : Number(fromHash);
let rows = FIRST_ROWS;
let editor = null;

async function load() {
  try {
    const wanted = sheet;
    const grid = await loadCells(sheet, rows);
    // An older answer may come after a newer one, and another tab may have been opened meanwhile.
    if (sheet !== wanted || (table.grid?.sheet === grid.sheet && grid.version < table.grid.version)) return;
    sheet = grid.sheet;
    table.show(grid, own);
    find("title").textContent = grid.title;
    document.title = `${grid.title} · sandbox`;
    showTabs(grid);
    showSelection();
    scroll.dataset.version = String(grid.version);
  } catch (error) {
    say(error.message, true);
  }
}

function say(text, wrong = false) {
  find("state").textContent = text;
  find("state").classList.toggle("wrong", wrong);
}

async function send(action, body) {
  say("Saving…");
  try {
    await act(action, { sheet, ...body });
    say("Saved");
  } catch (error) {
    say(error.message, true);
  }
  await load();
}

function showTabs(grid) {
  find("tabs").replaceChildren(
    ...grid.tabs.map((tab) => {
      const button = document.createElement("button");
      button.type = "button";
      button.role = "tab";
      button.textContent = tab.title;
      button.ariaSelected = String(tab.id === grid.sheet);
      button.addEventListener("click", () => open(tab.id));
      return button;
    }),
    addButton(),
  );
}

function addButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "+";
  button.ariaLabel = "Add a worksheet";
  button.addEventListener("click", async () => {
    const title = prompt("Title of the new worksheet");
    if (!title) return;
    say("Saving…");
    try {
      await act("addSheet", { title });
      say("Saved");
    } catch (error) {
      say(error.message, true);
    }
  });
  return button;
}

async function open(id) {
  sheet = id;
  rows = FIRST_ROWS;
  location.hash = `gid=${id}`;
  selection.to(0, 0, false, 1, 1);
  await load();
  scroll.scrollTo(0, 0);
  scroll.focus();
}

function showSelection() {
  table.select(selection);
  const { row, column } = selection.active;
  find("name").textContent = table.element(row, column)?.dataset.cell ?? "";
  if (document.activeElement !== formula) formula.value = table.cell(row, column)[1];
}

function go(row, column, extend = false) {
  selection.to(row, column, extend, table.grid.rows.length, table.grid.columns.length);
  showSelection();
  const td = table.element(selection.corner.row, selection.corner.column);
  td?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function step(down, right, extend = false) {
  const from = extend ? selection.corner : selection.active;
  go(from.row + down, from.column + right, extend);
}

function write(row, column, values) {
  values.forEach((line, down) =>
    line.forEach((text, right) => {
      const td = table.element(row + down, column + right);
      if (!td) return;
      own.add(td.dataset.cell);
      td.classList.add("saving");
      td.textContent = text;
    }),
  );
  return send("type", { row, column, values });
}

function edit(text, all) {
  const { row, column } = selection.active;
  const td = table.element(row, column);
  editor = document.createElement("input");
  editor.ariaLabel = `Cell ${td.dataset.cell}`;
  editor.value = text;
  td.append(editor);
  editor.focus();
  if (all) editor.select();
  editor.addEventListener("keydown", editorKey);
  editor.addEventListener("input", () => { formula.value = editor.value; });
  editor.addEventListener("blur", () => finish(true));
}

function finish(keep) {
  if (editor === null) return;
  const input = editor;
  editor = null;
  const { row, column } = selection.active;
  const [shown, entered] = table.cell(row, column);
  const text = input.value;
  input.remove();
  table.element(row, column).textContent = shown;
  if (keep && text !== entered) write(row, column, [[text]]);
  else showSelection();
}

function editorKey(event) {
  event.stopPropagation();
  const moves = { Enter: [event.shiftKey ? -1 : 1, 0], Tab: [0, event.shiftKey ? -1 : 1] };
  if (event.key === "Escape") {
    finish(false);
    scroll.focus();
  } else if (event.key in moves) {
    event.preventDefault();
    finish(true);
    scroll.focus();
    step(...moves[event.key]);
  }
}

function gridKey(event) {
  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const { row, column } = selection.active;
  const command = event.ctrlKey || event.metaKey;
  if (event.key in arrows) step(...arrows[event.key], event.shiftKey);
  else if (event.key === "Enter") step(event.shiftKey ? -1 : 1, 0);
  else if (event.key === "Tab") step(0, event.shiftKey ? -1 : 1);
  else if (event.key === "Home") go(command ? 0 : row, 0, event.shiftKey);
  else if (event.key === "End" && command) go(table.grid.rows.length - 1, table.grid.columns.length - 1, event.shiftKey);
  else if (event.key === "PageDown") step(20, 0, event.shiftKey);
  else if (event.key === "PageUp") step(-20, 0, event.shiftKey);
  else if (event.key === "F2") edit(table.cell(row, column)[1], false);
  else if (event.key === "Delete" || event.key === "Backspace") clear();
  else if (event.key.length === 1 && !command && !event.altKey) edit(event.key, false);
  else return;
  event.preventDefault();
}

function clear() {
  const height = selection.bottom - selection.top + 1;
  const width = selection.right - selection.left + 1;
  const values = Array.from({ length: height }, () => Array(width).fill(""));
  write(selection.top, selection.left, values);
}

function copy(event) {
  if (event.target instanceof HTMLInputElement) return;
  const lines = [];
  for (let row = selection.top; row <= selection.bottom; row++) {
    const cells = [];
    for (let column = selection.left; column <= selection.right; column++) cells.push(quote(table.cell(row, column)[0]));
    lines.push(cells.join("\t"));
  }
  event.clipboardData.setData("text/plain", lines.join("\n"));
  event.preventDefault();
}

function quote(text) {
  return /[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Tab-separated lines as spreadsheets put them on the clipboard; a quoted cell may hold tabs and line ends.
export function parseBlock(text) {
  const block = [[]];
  const pattern = /(?:"((?:[^"]|"")*)"(?=\t|\r?\n|$)|([^\t\r\n]*))(\t|\r?\n|$)/gy;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    block.at(-1).push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    if (match[3] === "" || pattern.lastIndex === text.length) break;
    if (match[3] !== "\t") block.push([]);
  }
  return block;
}

function paste(event) {
  if (event.target instanceof HTMLInputElement) return;
  event.preventDefault();
  const block = parseBlock(event.clipboardData.getData("text/plain"));
  write(selection.top, selection.left, block);
  go(selection.top + block.length - 1, selection.left + block[0].length - 1, true);
}

function cellAt(event) {
  const td = event.target.closest?.("td");
  return td ? [Number(td.dataset.row), Number(td.dataset.column)] : null;
}

scroll.addEventListener("keydown", gridKey);
scroll.addEventListener("mousedown", (event) => {
  const cell = cellAt(event);
  if (cell === null || event.target instanceof HTMLInputElement) return;
  finish(true);
  go(...cell, event.shiftKey);
});
scroll.addEventListener("mousemove", (event) => {
  const cell = event.buttons === 1 ? cellAt(event) : null;
  if (cell !== null && editor === null) go(...cell, true);
});
scroll.addEventListener("dblclick", () => {
  if (editor === null) edit(table.cell(selection.active.row, selection.active.column)[1], false);
});
scroll.addEventListener("scroll", () => {
  const nearEnd = scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - 400;
  if (nearEnd && table.grid && table.grid.rows.length === rows && rows < table.grid.rowCount) {
    rows += FIRST_ROWS;
    load();
  }
});
document.addEventListener("copy", copy);
document.addEventListener("cut", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  copy(event);
  clear();
});
document.addEventListener("paste", paste);
formula.addEventListener("keydown", (event) => {
  const { row, column } = selection.active;
  if (event.key === "Escape") formula.value = table.cell(row, column)[1];
  else if (event.key !== "Enter") return;
  const text = formula.value;
  scroll.focus();
  if (text !== table.cell(row, column)[1]) write(row, column, [[text]]);
});

const height = () => selection.bottom - selection.top + 1;
const rowAction = (action, at) => send(action, { dimension: "ROWS", at, count: height() });
find("insert-above").addEventListener("click", () => rowAction("insert", selection.top));
find("insert-below").addEventListener("click", () => rowAction("insert", selection.bottom + 1));
find("delete-rows").addEventListener("click", () => rowAction("delete", selection.top));
const sort = (descending) => send("sort", { column: selection.active.column, descending });
find("sort-up").addEventListener("click", () => sort(false));
find("sort-down").addEventListener("click", () => sort(true));

await load();
go(0, 0);
scroll.focus();
follow(load, (connected) => {
  if (!connected) say("The sandbox doesn't answer. Trying again…", true);
  else if (find("state").classList.contains("wrong")) say("");
});
