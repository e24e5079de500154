/** The WebSocket to the server's /graphql (graphql-transport-ws), for the dashboard and the playground. It says the kept
 * token when it begins. */
import { type Client, type ClientOptions, createClient } from 'graphql-ws';
import { authorization, refuseToken, tokenState } from '../token/token';

const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 5_000;

/** No token, or one that is not in use; and one that has ended. */
const REFUSALS: ReadonlySet<number> = new Set([4401, 4403]);

/** A client that ends a connection whose other side has gone silent, which TCP alone notices after minutes. */
export function createSocket(options: Pick<ClientOptions, 'retryAttempts'>): Client {
  let pongTimeout: ReturnType<typeof setTimeout> | undefined;
  let secret: string | null = null;
  const client = createClient({
    ...options,
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    keepAlive: PING_EVERY_MS,
    connectionParams: () => {
      secret = tokenState().secret;
      const value = authorization(secret);
      return value === null ? {} : { authorization: value };
    },
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
      closed: (event) => {
        clearTimeout(pongTimeout);
        if (event instanceof CloseEvent && REFUSALS.has(event.code)) refuseToken(secret, event.reason);
      },
    },
  });
  return client;
}
