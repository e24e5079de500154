import type { KeyboardEvent } from 'react';

interface Props {
  readonly name: string;
  readonly text: string;
  readonly onBegin: () => void;
  readonly onChange: (text: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

/** Which cells are selected, and what was entered into the active one: formulas as such. */
export function FormulaBar({ name, text, onBegin, onChange, onKeyDown }: Props) {
  return (
    <div className="formula">
      <div className="cell-name" role="note" aria-label="Selected cells">
        {name}
      </div>
      <textarea
        aria-label="Content of the cell"
        value={text}
        rows={1}
        autoComplete="off"
        spellCheck={false}
        onFocus={onBegin}
        onChange={(event) => {
          onChange(event.target.value);
        }}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}
