/** `fetch` with the kept token; what the server says against it is kept, too. For HTTP requests to /graphql. */
import { authorization, refuseToken, tokenState } from './token';

interface Refusal {
  readonly errors?: readonly { readonly message?: string }[];
}

export const sendWithToken: typeof fetch = async (input, init) => {
  const { secret } = tokenState();
  const headers = new Headers(init?.headers);
  const value = authorization(secret);
  if (value !== null && !headers.has('authorization')) headers.set('authorization', value);
  const answer = await fetch(input, { ...init, headers });
  if (answer.status === 401) {
    const { errors } = (await answer.clone().json()) as Refusal;
    refuseToken(secret, errors?.[0]?.message ?? 'The server asks for a token.');
  }
  return answer;
};
