/** A thread that publishes given messages by core NATS, each time it is told to: for who receives them. */
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '@nats-io/transport-node';
import { encoded } from '../bus/nats-publisher.ts';

export type Echo = {
  readonly url: string;
  readonly subject: string;
  /** All bodies, one behind the other. */
  readonly bodies: SharedArrayBuffer;
  readonly lengths: readonly number[];
  /** Of every message, as they go over the wire. */
  readonly headers: string;
};

/** Messages before the server is asked whether it has them: it cuts off who falls behind. */
const MESSAGES_A_STRETCH = 4_000;

async function serve({ url, subject, bodies, lengths, headers }: Echo): Promise<void> {
  const connection = await connect({ servers: url, reconnect: false, noAsyncTraces: true });
  const bytes = new Uint8Array(bodies);
  const options = { headers: encoded(headers) };
  parentPort?.on('message', () => void publish());

  async function publish(): Promise<void> {
    let at = 0;
    for (const [index, length] of lengths.entries()) {
      connection.publish(subject, bytes.subarray(at, at + length), options);
      at += length;
      if (index % MESSAGES_A_STRETCH === 0) await connection.flush();
    }
    await connection.flush();
  }
}

await serve(workerData as Echo);
