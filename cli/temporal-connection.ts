/**
 * A connection to Temporal that can be closed while a call is tried again. The SDK waits between attempts
 * without hearing that its connection is closed, and throws where nobody can catch it: so the attempt after
 * a close is answered here.
 */
import type { Connection, ConnectionOptions } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/** `CANCELLED` (gRPC, status codes and their use, 2026). */
const CANCELLED = 1;

export type TemporalConnection = AsyncDisposable & { readonly connection: Connection };

/** As `Connection.connect`; calls under way when it is disposed of are called off. */
export async function connectTemporal(options: {
  readonly address: string;
  readonly connectTimeout?: '5 seconds';
}): Promise<TemporalConnection> {
  const { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } =
    await import('@temporalio/client');
  const closed = new AbortController();
  const again = makeGrpcRetryInterceptor(defaultGrpcRetryOptions());
  const tried: Interceptor = (of, next) =>
    again(of, (call) => (closed.signal.aborted ? calledOff : next(call)));
  const connection = await Connection.connect({ ...options, interceptors: [tried] });
  return {
    connection,
    async [Symbol.asyncDispose]() {
      closed.abort();
      await connection.close();
    },
  };
}

const nothing = (): void => undefined;

const calledOff: Call = {
  start(metadata, listener) {
    const details = 'the connection was closed';
    listener?.onReceiveStatus?.({ code: CANCELLED, details, metadata });
  },
  ...{ sendMessage: nothing, sendMessageWithContext: nothing, startRead: nothing },
  ...{
    halfClose: nothing,
    cancelWithStatus: nothing,
    getPeer: () => '',
    getAuthContext: () => null,
  },
};
