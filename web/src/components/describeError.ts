import { CombinedGraphQLErrors, ServerError, ServerParseError } from '@apollo/client/errors';

/** An error in words for the page's reader: the server's own where it has answered. */
export function describeError(error: unknown): string {
  if (CombinedGraphQLErrors.is(error)) return error.errors.map(({ message }) => message).join(' ');
  if (ServerError.is(error) || ServerParseError.is(error)) {
    return `The server answered with HTTP status ${error.statusCode.toString()}.`;
  }
  return 'The server can’t be reached.';
}
