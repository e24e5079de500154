import type { ClipboardEvent, CSSProperties, KeyboardEvent, RefObject } from 'react';

interface Props {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  /** Null while nothing is edited: then what is typed begins an edit. */
  readonly text: string | null;
  readonly label: string;
  readonly style: CSSProperties | undefined;
  readonly scrolls: boolean;
  readonly onInput: (text: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onCopy: (event: ClipboardEvent) => void;
  readonly onCut: (event: ClipboardEvent) => void;
  readonly onPaste: (event: ClipboardEvent) => void;
}

/**
 * The field over the active cell. It has the focus all the time, unseen until something is typed: so letters that are
 * composed of several keys, and keyboards on a screen, work from the first one on.
 */
export function CellEditor({ field, text, label, style, scrolls, onInput, onKeyDown, onCopy, onCut, onPaste }: Props) {
  const editing = text !== null;
  return (
    <textarea
      ref={field}
      className={`cell-editor${editing ? ' editing' : ''}${scrolls ? ' scrolls' : ''}`}
      style={style}
      aria-label={label}
      value={text ?? ''}
      inputMode={editing ? 'text' : 'none'}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      onChange={(event) => {
        onInput(event.target.value);
      }}
      onKeyDown={onKeyDown}
      onCopy={editing ? undefined : onCopy}
      onCut={editing ? undefined : onCut}
      onPaste={editing ? undefined : onPaste}
    />
  );
}
