import type { Action, Edit } from '../book/protocol';
import type { LineAction } from './lineActions';
import { MenuButton } from './MenuButton';
import { useName } from './useName';

interface Props {
  readonly title: string;
  readonly actions: readonly LineAction[];
  readonly onUndo: () => void;
  readonly onRedo: () => void;
  readonly onAct: (action: Action, edit: Edit['edit']) => void;
  /** The name was left by a key. */
  readonly onLeave: () => void;
}

/** The spreadsheet's name, what can be done to its rows and columns, and who types. */
export function Toolbar({ title, actions, onUndo, onRedo, onAct, onLeave }: Props) {
  const [name, setName] = useName();
  const items = (group: LineAction['group']) =>
    actions
      .filter((one) => one.group === group)
      .map(({ label, action, edit }) => ({
        label,
        run: () => {
          onAct(action, edit);
        },
      }));
  return (
    <header className="toolbar">
      <a href="/" aria-label="All spreadsheets and feeds">
        ‹
      </a>
      <h1>{title}</h1>
      <div className="tools" role="toolbar" aria-label="Edit">
        <button type="button" aria-label="Undo" title="Undo (Ctrl+Z)" onClick={onUndo}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M7 4 3 8l4 4M3 8h9a5 5 0 0 1 0 10H8" />
          </svg>
        </button>
        <button type="button" aria-label="Redo" title="Redo (Ctrl+Y)" onClick={onRedo}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="m13 4 4 4-4 4m4-4H8a5 5 0 0 0 0 10h4" />
          </svg>
        </button>
        <MenuButton label="Insert" items={items('insert')} />
        <MenuButton label="Delete" items={items('delete')} />
        <MenuButton label="Sort" items={items('sort')} />
        <MenuButton label="View" items={items('view')} />
      </div>
      <label className="name">
        <span className="quiet">You are</span>
        <input
          value={name}
          placeholder="anybody"
          maxLength={40}
          title="Others see this name beside what you change"
          onChange={(event) => {
            setName(event.target.value);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' && event.key !== 'Escape') return;
            event.preventDefault();
            onLeave();
          }}
        />
      </label>
    </header>
  );
}
