import { describe, expect, it } from 'vitest';
import { asTyped } from './asTyped';

describe('asTyped', () => {
  it('keeps the name of an operation that the document has', () => {
    const sent = { query: 'query A { a } query B { b }', operationName: 'B' };
    expect(asTyped(sent).sent).toBe(sent);
  });

  it('drops the name of an operation of the document before', () => {
    const { sent, document } = asTyped({ query: 'query Sources { a }', operationName: 'Changes' });
    expect(sent.operationName).toBeUndefined();
    expect(document?.definitions).toHaveLength(1);
  });

  it('leaves what it cannot parse to the server', () => {
    const sent = { query: 'query {', operationName: 'A' };
    expect(asTyped(sent)).toEqual({ sent, document: undefined });
  });
});
