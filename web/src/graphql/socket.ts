/** The WebSocket to the server's /graphql (graphql-transport-ws), for the dashboard and the playground. */
import { type Client, type ClientOptions, createClient } from 'graphql-ws';

const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 5_000;

/** A client that ends a connection whose other side has gone silent, which TCP alone notices after minutes. */
export function createSocket(options: Pick<ClientOptions, 'retryAttempts'>): Client {
  let pongTimeout: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    ...options,
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    keepAlive: PING_EVERY_MS,
    on: {
      ping: (received) => {
        if (received) return;
        clearTimeout(pongTimeout);
        pongTimeout = setTimeout(() => {
          client.terminate();
        }, PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimeout);
      },
      closed: () => {
        clearTimeout(pongTimeout);
      },
    },
  });
  return client;
}
