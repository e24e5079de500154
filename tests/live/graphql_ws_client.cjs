// What applications use: graphql-ws over ws. Prints each result as a line of JSON, and ends after so many.
// node graphql_ws_client.cjs URL QUERY COUNT COMPRESS [RETRIES]
const { createRequire } = require("node:module");
const fromWeb = createRequire(`${process.cwd()}/web/package.json`);
const { createClient } = fromWeb("graphql-ws");
const { WebSocket } = fromWeb("ws");

const [url, query, count, compress, retries = "0"] = process.argv.slice(2);

class Socket extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { perMessageDeflate: compress === "true" });
  }
}

const client = createClient({ url, webSocketImpl: Socket, retryAttempts: Number(retries) });

async function main() {
  let left = Number(count);
  for await (const result of client.iterate({ query })) {
    console.log(JSON.stringify(result));
    left -= 1;
    if (left === 0) break;
  }
  const done = await client.iterate({ query: "{ sources { nodes { name } } }" }).next();
  console.log(JSON.stringify(done.value));
  await client.dispose();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
