/** The dashboard: put together here and nowhere else. */
import { ApolloProvider } from '@apollo/client/react';
import { type ReactNode, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './components/App';
import { createApolloClient } from './graphql/client';
import { TokenGate } from './token/TokenGate';
import './styles/theme.css';
import './styles/dashboard.css';

function Client({ children }: { readonly children: ReactNode }) {
  const [client] = useState(createApolloClient);
  return <ApolloProvider client={client}>{children}</ApolloProvider>;
}

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element with the id "root".');
createRoot(root).render(
  <StrictMode>
    <TokenGate>
      {(secret) => (
        // With its own cache: what one token may see is not for another.
        <Client key={secret}>
          <App />
        </Client>
      )}
    </TokenGate>
  </StrictMode>,
);
