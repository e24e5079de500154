import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const stored = new Map<string, string>();

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  vi.stubGlobal('window', new EventTarget());
});

afterEach(() => {
  stored.clear();
  vi.unstubAllGlobals();
});

it('keeps a token until it is forgotten', async () => {
  const { keepToken, tokenState } = await import('./token');
  expect(tokenState()).toEqual({ secret: null, refusal: null });
  keepToken('secret');
  vi.resetModules();
  const again = await import('./token');
  expect(again.tokenState().secret).toBe('secret');
  again.keepToken(null);
  expect(stored.size).toBe(0);
});

it('keeps why the server takes it no longer, and no late word of another one', async () => {
  const { keepToken, refuseToken, tokenState } = await import('./token');
  keepToken('new');
  refuseToken('old', 'It has expired.');
  expect(tokenState().refusal).toBeNull();
  refuseToken('new', 'It was revoked.');
  expect(tokenState()).toEqual({ secret: 'new', refusal: 'It was revoked.' });
  keepToken('newer');
  expect(tokenState().refusal).toBeNull();
});

it('sends the token, and hears what is said against it', async () => {
  const { keepToken, tokenState } = await import('./token');
  const { sendWithToken } = await import('./sendWithToken');
  keepToken('secret');
  const sent: Headers[] = [];
  vi.stubGlobal('fetch', (_input: unknown, init: RequestInit) => {
    sent.push(new Headers(init.headers));
    return Promise.resolve(Response.json({ errors: [{ message: 'It is not in use.' }] }, { status: 401 }));
  });
  await sendWithToken('/graphql', { method: 'POST' });
  expect(sent[0]?.get('authorization')).toBe('Bearer secret');
  expect(tokenState().refusal).toBe('It is not in use.');
});
