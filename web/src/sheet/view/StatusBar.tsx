import type { View } from '../book/book';

/** How it stands: the connection, what waits to be sent, what was refused, and what another did last. */
export function StatusBar({ view: { connected, waiting, message, activity } }: { readonly view: View }) {
  return (
    <div className="status" role="status">
      {!connected && (
        <strong className="wrong">
          The sandbox doesn’t answer. {waiting > 0 && `${edits(waiting)} will be sent when it is back. `}Trying again…
        </strong>
      )}
      {message.text !== '' && <span className={message.wrong ? 'wrong' : undefined}>{message.text}</span>}
      {connected && message.text === '' && waiting > 0 && <span className="quiet">Saving…</span>}
      {activity !== '' && <span className="quiet activity">{activity}</span>}
    </div>
  );
}

function edits(count: number): string {
  return count === 1 ? 'One edit waits, and' : `${String(count)} edits wait, and`;
}
