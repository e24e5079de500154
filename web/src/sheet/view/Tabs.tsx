import { useCallback, useState } from 'react';
import type { Tab } from '../book/protocol';
import { Menu } from './Menu';

interface Props {
  readonly tabs: readonly Tab[];
  readonly current: number;
  readonly onOpen: (id: number) => void;
  readonly onAdd: () => void;
  readonly onRename: (id: number, title: string) => void;
  readonly onDelete: (id: number) => void;
}

/** The worksheets. A double click renames one; the mark on the open one has a menu. */
export function Tabs({ tabs, current, onOpen, onAdd, onRename, onDelete }: Props) {
  const [renaming, setRenaming] = useState<number | null>(null);
  const [menu, setMenu] = useState(false);
  const close = useCallback(() => {
    setMenu(false);
  }, []);

  function finish(tab: Tab, title: string): void {
    setRenaming(null);
    if (title.trim() !== '' && title !== tab.title) onRename(tab.id, title.trim());
  }

  return (
    <nav className="tabs" aria-label="Worksheets">
      <button type="button" className="add" aria-label="Add a worksheet" onClick={onAdd}>
        +
      </button>
      <div className="tab-list" role="tablist">
        {tabs.map((tab) =>
          renaming === tab.id ? (
            <input
              key={tab.id}
              aria-label="Title of the worksheet"
              defaultValue={tab.title}
              autoFocus
              onFocus={(event) => {
                event.target.select();
              }}
              onBlur={(event) => {
                finish(tab, event.target.value);
              }}
              onKeyDown={(event) => {
                if (event.key === 'Enter') event.currentTarget.blur();
                if (event.key === 'Escape') setRenaming(null);
              }}
            />
          ) : (
            <button
              key={tab.id}
              type="button"
              role="tab"
              aria-selected={tab.id === current}
              onClick={() => {
                onOpen(tab.id);
              }}
              onDoubleClick={() => {
                setRenaming(tab.id);
              }}
            >
              {tab.title}
            </button>
          ),
        )}
      </div>
      <div className="menu-button up">
        <button
          type="button"
          aria-label="Rename or delete the worksheet"
          aria-haspopup="menu"
          aria-expanded={menu}
          onClick={() => {
            setMenu(!menu);
          }}
        >
          <span className="caret" />
        </button>
        {menu && (
          <Menu
            label="The worksheet"
            onClose={close}
            items={[
              {
                label: 'Rename',
                run: () => {
                  setRenaming(current);
                },
              },
              {
                label: 'Delete',
                run: () => {
                  onDelete(current);
                },
              },
            ]}
          />
        )}
      </div>
    </nav>
  );
}
