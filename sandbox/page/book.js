// What the sandbox serves to a page: the cells of one worksheet, the edits of a person, and word of every change.

const base = location.pathname.replace(/\/edit$/, "");

export async function loadCells(sheet, rows) {
  const query = new URLSearchParams({ rows: String(rows) });
  if (sheet !== null) query.set("sheet", String(sheet));
  const response = await fetch(`${base}/cells?${query}`);
  if (!response.ok) throw new Error((await response.json()).error);
  return response.json();
}

export async function act(action, body) {
  const response = await fetch(`${base}/actions/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
}

// Calls `changed` after every change, one call after another, and `connected` when the stream comes or goes.
export function follow(changed, connected) {
  const events = new EventSource(`${base}/events`);
  let running = false;
  let again = false;
  const run = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      await changed();
    } while (again);
    running = false;
  };
  events.addEventListener("version", run);
  events.addEventListener("open", () => connected(true));
  events.addEventListener("error", () => connected(false));
}
