import { useCallback, useRef, useState } from 'react';
import { Menu, type Item } from './Menu';

interface Props {
  /** What the button is called, where it shows no label. */
  readonly name?: string;
  readonly label?: string;
  readonly items: readonly Item[];
  /** The menu opens above it. */
  readonly up?: boolean;
}

/** A button that opens a menu below itself. */
export function MenuButton({ name, label, items, up = false }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = useCallback((by: 'key' | 'choice' | 'click') => {
    setOpen(false);
    if (by === 'key') button.current?.focus();
  }, []);
  return (
    <div className={up ? 'menu-button up' : 'menu-button'}>
      <button
        ref={button}
        type="button"
        aria-label={name}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        {label}
        <span className="caret" />
      </button>
      {open && <Menu label={name ?? label ?? ''} items={items} opener={button} onClose={close} />}
    </div>
  );
}
