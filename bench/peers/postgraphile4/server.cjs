// The peer: PostGraphile 4 with live queries out of logical decoding, as its documentation has it, but for the pause
// between two looks at the slot, which is as short as it can be.
// node server.cjs PORT DSN
const { createServer } = require("node:http");
const { enhanceHttpServerWithWebSockets, postgraphile } = require("postgraphile");

const [port, dsn] = process.argv.slice(2);
const middleware = postgraphile(dsn, "public", {
  live: true,
  websockets: ["v1"],
  ownerConnectionString: dsn,
  appendPlugins: [require("@graphile/subscriptions-lds").default],
  graphileBuildOptions: { ldsSleepDuration: 1 },
  disableQueryLog: true,
});
const server = createServer((request, response) =>
  request.url === "/healthz" ? response.end() : middleware(request, response, () => response.end()),
);
enhanceHttpServerWithWebSockets(server, middleware).then(() => server.listen(Number(port), "127.0.0.1"));
