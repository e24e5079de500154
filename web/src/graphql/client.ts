/** Apollo Client as the dashboard uses it. Composed once, in main.tsx. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { sendWithToken } from '../token/sendWithToken';
import { createSocket } from './socket';

export function createApolloClient(): ApolloClient {
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      // keepSubscribed begins again, since only it knows the cursor to resume from.
      new GraphQLWsLink(createSocket({ retryAttempts: 0 })),
      new HttpLink({ uri: '/graphql', fetch: sendWithToken }),
    ),
  });
}
