// The peer: pg-logical-replication with its decoder of pgoutput. Prints the seconds that so many changes took it, and the
// seconds of CPU.
// node read.cjs DSN SLOT CHANGES
const { LogicalReplicationService, PgoutputPlugin } = require("pg-logical-replication");

const [connectionString, slot, changes] = process.argv.slice(2);
const service = new LogicalReplicationService({ connectionString }, { acknowledge: { auto: false, timeoutSeconds: 0 } });
const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ["rowcast_tables"], messages: true });
let left = Number(changes);
let begun, used;
service.on("start", () => ([begun, used] = [process.hrtime.bigint(), process.cpuUsage()]));
service.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
service.on("data", (_, message) => {
  if (message.tag !== "insert" && message.tag !== "update") return;
  left -= 1;
  if (left > 0) return;
  const { user, system } = process.cpuUsage(used);
  console.log(Number(process.hrtime.bigint() - begun) / 1e9, (user + system) / 1e6);
  process.exit(0);
});
service.subscribe(plugin, slot);
