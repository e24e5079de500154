// The peer: PostGraphile 5 with a trigger that says NOTIFY on a channel of the row's, as its documentation has it.
// node server.cjs PORT DSN
const { createServer } = require("node:http");
const { postgraphile } = require("postgraphile");
const { jsonParse } = require("postgraphile/@dataplan/json");
const { makePgService } = require("postgraphile/adaptors/pg");
const { context, lambda, listen } = require("postgraphile/grafast");
const { grafserv } = require("postgraphile/grafserv/node");
const { PostGraphileAmberPreset } = require("postgraphile/presets/amber");
const { extendSchema, gql } = require("postgraphile/utils");

const [port, dsn] = process.argv.slice(2);

const CustomerChanged = extendSchema((build) => {
  const { customers } = build.input.pgRegistry.pgResources;
  return {
    typeDefs: gql`
      extend type Subscription { customerChanged(id: Int!): CustomerChanged }
      type CustomerChanged { note: String, customer: Customer }
    `,
    objects: {
      Subscription: {
        plans: {
          customerChanged: {
            subscribePlan(_, { $id }) {
              const $channel = lambda($id, (id) => `customer:${id}`);
              return listen(context().get("pgSubscriber"), $channel, jsonParse);
            },
            plan: ($event) => $event,
          },
        },
      },
      CustomerChanged: {
        plans: {
          note: ($event) => $event.get("note"),
          customer: ($event) => customers.get({ id: $event.get("id") }),
        },
      },
    },
  };
});

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [CustomerChanged],
  pgServices: [makePgService({ connectionString: dsn, schemas: ["public"], pubsub: true })],
  grafserv: { websockets: true, graphiql: false, watch: false },
});
const serv = instance.createServ(grafserv);
const handle = serv.createHandler();
const server = createServer((request, response) =>
  request.url === "/healthz" ? response.end() : handle(request, response),
);
serv.getUpgradeHandler().then((upgrade) => {
  server.on("upgrade", upgrade);
  server.listen(Number(port), "127.0.0.1");
});
