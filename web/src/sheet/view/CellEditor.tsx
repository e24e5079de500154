import type { ClipboardEvent, CSSProperties, KeyboardEvent, RefObject } from 'react';

interface Props {
  readonly field: RefObject<HTMLTextAreaElement | null>;
  /** Null while nothing is edited: then what is typed begins an edit. */
  readonly text: string | null;
  readonly label: string;
  readonly style: CSSProperties | undefined;
  /** Whether it goes along with the cells when those are scrolled. */
  readonly scrollsDown: boolean;
  readonly scrollsAcross: boolean;
  /** The id of the active cell: what a reader of the screen tells of while nothing is edited. */
  readonly active: string;
  readonly onMenu: (x: number, y: number) => void;
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
export function CellEditor(props: Props) {
  const { field, text, label, style, scrollsDown, scrollsAcross, onInput, onKeyDown, onCopy, onCut, onPaste } = props;
  const { active, onMenu } = props;
  const editing = text !== null;
  const classes = ['cell-editor', editing && 'editing', scrollsDown && 'scrolls-down', scrollsAcross && 'scrolls-across'];
  return (
    <textarea
      ref={field}
      className={classes.filter(Boolean).join(' ')}
      style={style}
      aria-label={label}
      aria-controls="cells"
      aria-activedescendant={editing ? undefined : active}
      value={text ?? ''}
      inputMode={editing ? 'text' : 'none'}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      onChange={(event) => {
        onInput(event.target.value);
      }}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => {
        // By the keyboard: a mouse hits the field only while it is edited.
        if (editing) return;
        event.preventDefault();
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        onMenu(left, bottom);
      }}
      onCopy={editing ? undefined : onCopy}
      onCut={editing ? undefined : onCut}
      onPaste={editing ? undefined : onPaste}
    />
  );
}
