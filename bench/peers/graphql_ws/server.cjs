// The peer: graphql-ws on ws, as its documentation has it. Every subscriber of `changes` gets what is published.
// node server.cjs PORT; POST /publish?times=N sends the batch in its body to all, N times.
const { createServer } = require("node:http");
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/use/ws");
const { WebSocketServer } = require("ws");

const schema = buildSchema(`
  scalar JSON
  scalar Cursor
  input RowFilter { column: String, eq: JSON }
  type Query { none: Boolean }
  type Change { operation: String!, moved: Boolean!, key: JSON, row: JSON, before: JSON, changed: [String!]! }
  type ChangeBatch {
    cursor: Cursor!, transactionId: String, committedAt: String, cause: String, actor: String, snapshot: Boolean!
    reset: Boolean!, last: Boolean!, upToDate: Boolean!, changes: [Change!]!
  }
  type Subscription { changes(source: String!, where: RowFilter, after: Cursor): ChangeBatch! }
`);

const GREETING = {
  cursor: "", snapshot: false, reset: false, last: true, upToDate: true, changes: [],
};
const queues = new Set();

async function* changes() {
  const queue = { items: [{ changes: GREETING }], wake: null };
  queues.add(queue);
  try {
    for (;;) {
      while (queue.items.length > 0) yield queue.items.shift();
      await new Promise((resolve) => (queue.wake = resolve));
    }
  } finally {
    queues.delete(queue);
  }
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname !== "/publish") return response.end();
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const batch = JSON.parse(body);
    for (let n = 0; n < Number(url.searchParams.get("times")); n += 1) {
      for (const queue of queues) {
        queue.items.push({ changes: batch });
        queue.wake?.();
      }
    }
    response.end();
  });
});
const sockets = new WebSocketServer({ server, path: "/graphql" });
useServer({ schema, roots: { subscription: { changes } } }, sockets);
server.listen(Number(process.argv[2]), "127.0.0.1");
