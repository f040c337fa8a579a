/** A process that forwards frames from a socket to core NATS and does nothing else: what latency is against. */
import { connect } from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { feedOf, marketsOf } from './frames.ts';

const [, , servers = '', base = '', feed = '', ...externals] = process.argv;
export const FORWARDED = 'bench.forwarded';

if (import.meta.main) {
  const connection = await connect({ servers, reconnect: false, noAsyncTraces: true });
  const { protocol } = feedOf(feed);
  const { symbols } = marketsOf(externals);
  const config = {
    ...{ feed, shard: 'bench', symbols, channels: protocol.channels },
    book_depth: protocol.book_depths[0] ?? 0,
  };
  let request = 0;
  for (const { path, subscriptions } of protocol.endpoints(config)) {
    const socket = new WebSocket(`${base}${path}`, { perMessageDeflate: false });
    socket.on('open', () => {
      const requests = protocol.subscribe(subscriptions, config, () => String(++request));
      for (const { text } of requests) socket.send(text);
    });
    // When the callback began goes before the frame: nothing else tells the receiver.
    socket.on('message', (frame: Buffer) => {
      const stamped = Buffer.allocUnsafe(frame.length + 8);
      stamped.writeBigInt64LE(process.hrtime.bigint());
      frame.copy(stamped, 8);
      connection.publish(FORWARDED, stamped);
    });
  }
  process.on('disconnect', () => process.exit());
}
