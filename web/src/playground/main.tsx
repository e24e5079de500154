/** The playground: GraphiQL over this server's GraphQL, subscriptions included. */
import 'graphiql/setup-workers/vite';
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createSocket } from '../graphql/socket';
import { sendWithToken } from '../token/sendWithToken';
import { asTyped } from './asTyped';
import { examples } from './examples';
import 'graphiql/style.css';
import './playground.css';

const send = createGraphiQLFetcher({ url: '/graphql', fetch: sendWithToken, wsClient: createSocket({ retryAttempts: 5 }) });

const fetcher: Fetcher = (params, options) => {
  const { sent, document } = asTyped(params);
  return send(sent, document === undefined ? options : { ...options, documentAST: document });
};

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element with the id "root".');
createRoot(root).render(
  <GraphiQL fetcher={fetcher} defaultTabs={examples}>
    <GraphiQL.Logo>
      <a href="/" className="home">
        rowcast
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
