/** The sandbox over HTTP, below the spreadsheet's own address. */
import { Refused, Unreachable, type Answer, type Change, type Sandbox, type Window } from './protocol';
import type { Cell } from '../core/selection';

const REOPEN_MS = 1000;

export function connect(path: string): Sandbox {
  const base = path.replace(/\/edit\/?$/, '');
  const get = <T>(what: string, query: Readonly<Record<string, string>>) =>
    call<T>(`${base}/${what}?${new URLSearchParams(query).toString()}`);
  return {
    file: decodeURIComponent(base.split('/').at(-1) ?? ''),
    load: (sheet, first, end) =>
      get<Window>('cells', { ...(sheet === null ? {} : { sheet: String(sheet) }), first: String(first), end: String(end) }),
    edge: (sheet, { row, column }, towards) =>
      get<Cell>('edge', { sheet: String(sheet), row: String(row), column: String(column), towards }),
    send: (name, { page, action, number, edit }) =>
      call<Answer>(`${base}/actions/${action}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ page, name, number, edit }),
      }),
    follow(listener) {
      let events = open();
      let reopening: ReturnType<typeof setTimeout> | undefined;
      function open(): EventSource {
        const source = new EventSource(`${base}/events`);
        source.addEventListener('version', ({ data }: MessageEvent<string>) => {
          listener.connected((JSON.parse(data) as { version: number }).version);
        });
        source.addEventListener('change', ({ data }: MessageEvent<string>) => {
          listener.changed(JSON.parse(data) as Change);
        });
        source.addEventListener('error', () => {
          listener.lost();
          // The browser connects again by itself, but not after an answer that was an error.
          if (source.readyState === EventSource.CLOSED) reopening = setTimeout(() => (events = open()), REOPEN_MS);
        });
        return source;
      }
      return () => {
        clearTimeout(reopening);
        events.close();
      };
    },
  };
}

async function call<T>(url: string, init?: RequestInit): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    // fetch has one error for all that kept an answer from coming.
    if (error instanceof TypeError) throw new Unreachable('The sandbox doesn’t answer.', { cause: error });
    throw error;
  }
  if (response.ok) return JSON.parse(text) as T;
  // A server that is about to stop answers 503, a gateway before it 502 or 504.
  if (response.status > 500) throw new Unreachable(`The sandbox answers ${String(response.status)}.`);
  throw new Refused(reason(text) ?? `The sandbox answers ${String(response.status)}.`);
}

function reason(text: string): string | null {
  try {
    return (JSON.parse(text) as { error?: string }).error ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
