// A feed's document to read and edit. It follows what programs write until something is typed; a save that would
// overwrite what they wrote meanwhile is refused.

const name = decodeURIComponent(location.pathname.split("/").at(-2));
const url = `/_sandbox/feeds/${encodeURIComponent(name)}`;
const area = document.getElementById("document");
const save = document.getElementById("save");
const undo = document.getElementById("undo");
const state = document.getElementById("state");
let shown = { text: "", type: "", etag: "" };

document.getElementById("title").textContent = name;
document.title = `${name} · sandbox`;

function say(text, wrong = false) {
  state.textContent = text;
  state.classList.toggle("wrong", wrong);
}

function edited() {
  return area.value !== shown.text;
}

function mark() {
  save.disabled = undo.disabled = !edited();
}

async function load() {
  const answer = await fetch(url, { cache: "no-cache" });
  if (!answer.ok) {
    say((await answer.json()).error, true);
    return;
  }
  const etag = answer.headers.get("etag");
  const text = await answer.text();
  if (etag === shown.etag) return;
  if (edited()) {
    say("A program changed the feed meanwhile: undo to see it.", true);
    return;
  }
  shown = { text, type: answer.headers.get("content-type"), etag };
  area.value = text;
  mark();
  say(shown.etag ? "Up to date" : "");
}

async function put() {
  save.disabled = true;
  const answer = await fetch(url, {
    method: "PUT",
    body: area.value,
    headers: { "Content-Type": shown.type, "If-Match": shown.etag },
  });
  if (answer.ok) {
    shown.text = area.value;
    shown.etag = "";
    await load();
    say("Saved");
  } else {
    say((await answer.json()).error, true);
  }
  mark();
}

async function follow() {
  try {
    if (!edited()) await load();
  } catch {
    say("The sandbox can't be reached; trying again.", true);
  }
  setTimeout(follow, 1000);
}

area.addEventListener("input", mark);
save.addEventListener("click", put);
undo.addEventListener("click", () => {
  area.value = shown.text;
  mark();
  load();
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (!save.disabled) put();
});
addEventListener("beforeunload", (event) => {
  if (edited()) event.preventDefault();
});
follow();
