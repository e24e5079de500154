import { useEffect, useLayoutEffect, useRef, type CSSProperties, type KeyboardEvent } from 'react';

export interface Item {
  readonly label: string;
  readonly run: () => void;
}

interface Props {
  readonly label: string;
  readonly items: readonly Item[];
  readonly onClose: () => void;
  readonly style?: CSSProperties;
}

/** A list of things to do. Arrows walk through it; a choice, Escape and a click elsewhere close it. */
export function Menu({ label, items, onClose, style }: Props) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const menu = list.current;
    if (menu === null) return;
    // At the page's right and bottom edges it moves back into sight.
    const { right, bottom } = menu.getBoundingClientRect();
    const { clientWidth, clientHeight } = document.documentElement;
    menu.style.translate = `${String(Math.min(clientWidth - right, 0))}px ${String(Math.min(clientHeight - bottom, 0))}px`;
  }, []);
  useEffect(() => {
    list.current?.querySelector('button')?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && list.current?.contains(event.target) !== true) onClose();
    };
    document.addEventListener('pointerdown', outside, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
    };
  }, [onClose]);

  function walk(event: KeyboardEvent): void {
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else if (event.key === 'ArrowDown') buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === 'ArrowUp') buttons.at(at - 1)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div className="menu" role="menu" aria-label={label} ref={list} style={style} onKeyDown={walk}>
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          onClick={() => {
            onClose();
            item.run();
          }}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}
