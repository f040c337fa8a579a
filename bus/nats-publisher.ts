/**
 * The publisher's connection to JetStream. It never reconnects: nats.js would go on publishing into a
 * hole (a third of the messages gone, silently, when a server is killed at full rate). Acks come back
 * on one inbox and are matched by the number in their subject; headers are written as bytes, which
 * costs a tenth of building them.
 */
import { createInbox } from '@nats-io/transport-node';
import type { Msg, MsgHdrs, NatsConnection, PublishOptions } from '@nats-io/transport-node';
import { SsmdError, invariant } from '../schema/errors.ts';
import type { BusPublisher, OutMessage, PublishOutcome, PublisherOptions } from './bus.ts';
import { BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX } from './bus.ts';
import type { NatsReads } from './nats-reads.ts';

/** What messages carry. */
const SCHEMA = 'md2';

export function publisherOver(
  connection: NatsConnection,
  prefix: string,
  reads: NatsReads,
  options: PublisherOptions,
): BusPublisher {
  const inbox = createInbox();
  const template =
    `NATS/1.0\r\nSchema: ${SCHEMA}\r\nNormalizer: ${options.normalizer}\r\n` +
    `Epoch: ${options.epoch}\r\nShard: ${options.shard}\r\n`;
  let token = 0;
  let batches = 0;
  let batch: { readonly name: string; readonly settle: (outcome: PublishOutcome) => void } | null =
    null;

  connection.subscribe(`${inbox}.*`, {
    callback(error, message) {
      if (error !== null) return;
      const name = message.subject.slice(inbox.length + 1);
      if (!name.startsWith('batch')) options.onOutcome(Number(name), outcomeOf(message));
      else settleBatch(name, message);
    },
  });

  /** A batch's first message is answered with nothing if all is well, its last with the outcome. */
  function settleBatch(name: string, message: Msg): void {
    const settled = batch;
    if (settled === null || !name.startsWith(settled.name)) return;
    const opening = name.endsWith('-open');
    if (opening && message.data.length === 0 && (message.headers?.code ?? 0) === 0) return;
    batch = null;
    settled.settle(outcomeOf(message));
  }

  function send(message: OutMessage, extra: string, reply: string | null): void {
    if (message.data.length > MESSAGE_BYTES_MAX) {
      throw new SsmdError(
        'SSMD_LIMIT',
        `message on ${message.subject} is too large: expected at most ${MESSAGE_BYTES_MAX} bytes, ` +
          `received ${message.data.length}; pack fewer events`,
      );
    }
    let head = `${template}Count: ${message.count}\r\n`;
    if (message.late) head += 'Late: 1\r\n';
    if (message.t !== null) head += `T: ${message.t}\r\n`;
    if (message.id !== null) head += `Nats-Msg-Id: ${message.id}\r\n`;
    if (message.expected !== null) {
      head += `Nats-Expected-Last-Subject-Sequence: ${message.expected}\r\n`;
    }
    const publish_options: PublishOptions = { headers: encoded(`${head}${extra}\r\n`) };
    if (reply !== null) publish_options.reply = `${inbox}.${reply}`;
    connection.publish(`${prefix}${message.subject}`, message.data, publish_options);
  }

  return {
    lastCtl: () => reads.lastCtl(options.shard, options.feed),
    lastMessages: (pattern) => reads.lastMessages(pattern),
    lastMessage: (pattern) => reads.lastMessage(pattern),
    publish(message) {
      const at = token++;
      send(message, '', `${at}`);
      return at;
    },
    publishBatch(messages) {
      invariant(
        messages.length > 0 && messages.length <= BATCH_MESSAGES_MAX,
        `a batch has 1 to ${BATCH_MESSAGES_MAX} messages, not ${messages.length}`,
      );
      invariant(batch === null, 'one batch is in flight at a time');
      const name = `batch${batches++}`;
      const id = `${inbox.slice(inbox.lastIndexOf('.') + 1)}-${name}`;
      return new Promise((settle) => {
        batch = { name: `${name}-`, settle };
        for (const [at, message] of messages.entries()) {
          const place = `Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${at + 1}\r\n`;
          if (at === messages.length - 1) {
            send(message, `${place}Nats-Batch-Commit: 1\r\n`, `${name}-end`);
          } else {
            send(message, place, at === 0 ? `${name}-open` : null);
          }
        }
      });
    },
    closed: connection.closed().then(
      (error) => (error instanceof Error ? error.message : 'closed'),
      (error: unknown) => String(error),
    ),
    close: () => connection.close(),
  };
}

/** nats.js asks headers only for their bytes when it publishes. */
export function encoded(text: string): MsgHdrs {
  const bytes = Buffer.from(text, 'latin1');
  return { encode: () => bytes } as unknown as MsgHdrs;
}

const REFUSALS: Readonly<Record<number, 'wrong_last' | 'busy' | 'repeated_id' | 'too_large'>> = {
  10071: 'wrong_last',
  10164: 'wrong_last',
  10210: 'busy',
  10201: 'repeated_id',
  10199: 'too_large',
  10054: 'too_large',
};

/** What the server said to a publication. */
export function outcomeOf(message: Msg): PublishOutcome {
  if (message.data.length === 0) {
    const code = message.headers?.code ?? 0;
    return { type: 'refused', reason: 'unavailable', detail: `no stream answered (${code})` };
  }
  const { buffer, byteOffset, length } = message.data;
  const text = Buffer.from(buffer, byteOffset, length).toString('latin1');
  const plain = PLAIN_ACK.exec(text);
  if (plain !== null) return { type: 'stored', seq: Number(plain[1]), duplicate: false };
  const ack = JSON.parse(text) as {
    seq?: number;
    duplicate?: boolean;
    error?: { code: number; err_code?: number; description?: string };
  };
  if (ack.error === undefined) {
    return { type: 'stored', seq: ack.seq ?? 0, duplicate: ack.duplicate === true };
  }
  const { err_code = ack.error.code, description = 'no reason given' } = ack.error;
  return {
    type: 'refused',
    reason: REFUSALS[err_code] ?? 'unavailable',
    detail: `${description} (${err_code})`,
  };
}

const PLAIN_ACK = /^\{"stream":"[^"]*", ?"seq":(\d+)\}$/;
