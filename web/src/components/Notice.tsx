import { describeError } from './describeError';

interface Props {
  readonly title: string;
  readonly error: unknown;
  readonly action: string;
  readonly onAction: () => void;
}

/** What failed, why, and the way on. */
export function Notice({ title, error, action, onAction }: Props) {
  return (
    <div className="notice" role="alert">
      <strong>{title}.</strong> <span>{describeError(error)}</span>{' '}
      <button type="button" onClick={onAction}>
        {action}
      </button>
    </div>
  );
}
