import type { ReactNode, SubmitEvent } from 'react';
import { keepToken, useToken } from './token';
import './token.css';

interface Props {
  /** The page for a token, made anew for each. */
  readonly children: (secret: string | null) => ReactNode;
}

/** The page, unless the server asks for a token, or for another one. */
export function TokenGate({ children }: Props) {
  const { secret, refusal } = useToken();
  if (refusal !== null) return <TokenForm refusal={refusal} had={secret !== null} />;
  return (
    <>
      {children(secret)}
      {secret !== null && (
        <footer className="token-kept">
          <span className="quiet">This browser sends a token.</span>{' '}
          <button
            type="button"
            onClick={() => {
              keepToken(null);
            }}
          >
            Forget it
          </button>
        </footer>
      )}
    </>
  );
}

function TokenForm({ refusal, had }: { readonly refusal: string; readonly had: boolean }) {
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget).get('secret');
    if (typeof given === 'string' && given.trim() !== '') keepToken(given.trim());
  };
  return (
    <main className="token-form">
      <h1>rowcast</h1>
      <p role="alert">{had ? refusal : 'This server asks for a token.'}</p>
      <form onSubmit={submit}>
        <label>
          Token
          <input name="secret" type="password" autoComplete="current-password" required autoFocus spellCheck={false} />
        </label>
        <button type="submit">Use it</button>
      </form>
      <p className="quiet">
        An administrator makes one with <code>createToken</code>, or with <code>python -m api create-token</code>. It is
        kept in this browser until you forget it.
      </p>
    </main>
  );
}
