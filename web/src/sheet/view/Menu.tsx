import { useEffect, useLayoutEffect, useRef, type CSSProperties, type KeyboardEvent, type RefObject } from 'react';

export interface Item {
  readonly label: string;
  readonly run: () => void;
}

interface Props {
  readonly label: string;
  readonly items: readonly Item[];
  readonly onClose: (by: 'key' | 'choice' | 'click') => void;
  /** The button that opens it: a click on that closes it by itself. */
  readonly opener?: RefObject<HTMLElement | null>;
  readonly style?: CSSProperties;
}

/** A list of things to do. Arrows walk through it; a choice, Escape and a click elsewhere close it. */
export function Menu({ label, items, onClose, opener, style }: Props) {
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
      const inside = [list, opener].some((one) => event.target instanceof Node && one?.current?.contains(event.target));
      if (!inside) onClose('click');
    };
    document.addEventListener('pointerdown', outside, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
    };
  }, [onClose, opener]);

  function walk(event: KeyboardEvent): void {
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    if (event.key === 'Escape' || event.key === 'Tab') onClose('key');
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
            onClose('choice');
            item.run();
          }}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}
