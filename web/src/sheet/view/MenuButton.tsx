import { useCallback, useState } from 'react';
import { Menu, type Item } from './Menu';

interface Props {
  readonly label: string;
  readonly items: readonly Item[];
}

/** A button that opens a menu below itself. */
export function MenuButton({ label, items }: Props) {
  const [open, setOpen] = useState(false);
  const close = useCallback(() => {
    setOpen(false);
  }, []);
  return (
    <div className="menu-button">
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        {label}
        <span className="caret" />
      </button>
      {open && <Menu label={label} items={items} onClose={close} />}
    </div>
  );
}
