import { useSelectedSource } from './selectedSource';
import { SourceList } from './SourceList';
import { SourceView } from './SourceView';
import { useSources } from './useSources';

/** The dashboard's one page: the sources, and the rows of the one that is selected. */
export function App() {
  const sources = useSources();
  const selected = useSelectedSource() ?? sources.list?.nodes[0]?.name;
  return (
    <>
      <header className="page-header">
        <h1>rowcast</h1>
        <nav aria-label="Pages">
          <a href="/playground">Playground</a>
        </nav>
      </header>
      <main>
        <SourceList sources={sources} selected={selected} />
        {selected !== undefined && <SourceView key={selected} name={selected} />}
      </main>
    </>
  );
}
