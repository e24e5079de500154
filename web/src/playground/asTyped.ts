import { type DocumentNode, GraphQLError, Kind, parse } from 'graphql';

interface Operation {
  readonly query: string;
  readonly operationName?: string | null | undefined;
}

/**
 * The operation as it is typed now, and its document. GraphiQL reads a document a moment after it was typed, so what
 * it sends may name an operation of the document before. A document that can't be parsed is left to the server.
 */
export function asTyped<Sent extends Operation>(sent: Sent): { sent: Sent; document: DocumentNode | undefined } {
  let document: DocumentNode;
  try {
    document = parse(sent.query);
  } catch (error) {
    if (error instanceof GraphQLError) return { sent, document: undefined };
    throw error;
  }
  const known = document.definitions.some(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && definition.name?.value === sent.operationName,
  );
  return { sent: known ? sent : { ...sent, operationName: undefined }, document };
}
