import { useState, type KeyboardEvent } from 'react';
import type { Tab } from '../book/protocol';
import { Confirm } from './Confirm';
import { MenuButton } from './MenuButton';

interface Props {
  readonly tabs: readonly Tab[];
  readonly current: number;
  readonly onOpen: (id: number) => void;
  readonly onAdd: () => void;
  readonly onRename: (id: number, title: string) => void;
  readonly onDelete: (id: number) => void;
  /** The title was left by a key. */
  readonly onLeave: () => void;
}

/** The worksheets. A double click renames one; the mark on the open one has a menu. */
export function Tabs({ tabs, current, onOpen, onAdd, onRename, onDelete, onLeave }: Props) {
  const [renaming, setRenaming] = useState<number | null>(null);
  const [deleting, setDeleting] = useState<Tab | null>(null);

  function finish(tab: Tab, title: string): void {
    setRenaming(null);
    if (title.trim() !== '' && title !== tab.title) onRename(tab.id, title.trim());
  }

  /** Arrows lead from tab to tab; Enter opens one, F2 renames it. */
  function walk(event: KeyboardEvent<HTMLElement>): void {
    const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tab = tabs[at];
    if (at === -1) return;
    if (by !== undefined) buttons.at((at + by) % buttons.length)?.focus();
    else if (event.key === 'F2' && tab !== undefined) setRenaming(tab.id);
    else return;
    event.preventDefault();
  }

  return (
    <nav className="tabs" aria-label="Worksheets">
      <button type="button" className="add" aria-label="Add a worksheet" onClick={onAdd}>
        +
      </button>
      <div className="tab-list" role="tablist" aria-label="Worksheets" onKeyDown={walk}>
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
                if (event.key !== 'Enter' && event.key !== 'Escape') return;
                // The cell that has the focus next would take it for a line break.
                event.preventDefault();
                if (event.key === 'Enter') event.currentTarget.blur();
                else setRenaming(null);
                onLeave();
              }}
            />
          ) : (
            <button
              key={tab.id}
              type="button"
              role="tab"
              aria-selected={tab.id === current}
              aria-controls="cells"
              tabIndex={tab.id === current ? 0 : -1}
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
      <MenuButton
        name="Rename or delete the worksheet"
        up
        items={[
          {
            label: 'Rename',
            run: () => {
              setRenaming(current);
            },
          },
          {
            label: 'Delete…',
            run: () => {
              setDeleting(tabs.find(({ id }) => id === current) ?? null);
            },
          },
        ]}
      />
      {deleting && (
        <Confirm
          title={`Delete the worksheet “${deleting.title}”?`}
          action="Delete"
          onConfirm={() => {
            onDelete(deleting.id);
          }}
          onClose={() => {
            setDeleting(null);
          }}
        >
          All that is in it goes. Ctrl+Z brings it back as long as nobody else changes the spreadsheet.
        </Confirm>
      )}
    </nav>
  );
}
