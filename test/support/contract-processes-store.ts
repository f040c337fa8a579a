/**
 * Stands between us and an S3 store: loses the answer to a put that the store has done, or holds a put
 * back until long after its sender was given up. What it passes on it does not change.
 */
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { portOf } from './forgetful-proxy.ts';

/** What is done with a put: passed on; done, and its answer lost; or held until it is let go. */
export type Verdict = 'pass' | 'forget' | 'hold';

export type StoreProxy = AsyncDisposable & {
  readonly endpoint: string;
  /** Keys (`bucket/key`) whose put was done and never answered. */
  readonly forgotten: readonly string[];
  /** Keys of the puts that are held or were. */
  readonly held: readonly string[];
  /** Puts that were answered, by key: `412` where something was there already. */
  readonly answers: ReadonlyMap<string, readonly number[]>;
  /** Lets go what is held and holds nothing more; resolves when the store has answered all of it. */
  readonly release: () => Promise<void>;
};

/** Says what is done with a put of a key (`bucket/key`), under its condition (`if-match`, ..) or none. */
export type Judge = (key: string, condition: string) => Verdict;

export async function startStoreProxy(endpoint: string, judge: Judge): Promise<StoreProxy> {
  const target = new URL(endpoint);
  const forgotten: string[] = [];
  const held: string[] = [];
  const answers = new Map<string, number[]>();
  const waiting: (() => Promise<void>)[] = [];
  let holding = true;

  async function pass(ask: IncomingMessage, body: Buffer, tell: ServerResponse): Promise<void> {
    const key = keyOf(ask);
    const verdict = ask.method === 'PUT' ? judge(key, conditionOf(ask)) : 'pass';
    if (verdict === 'hold' && holding) {
      held.push(key);
      waiting.push(() => carry(ask, body, tell, 'pass'));
      return;
    }
    await carry(ask, body, tell, verdict);
  }

  async function carry(
    ask: IncomingMessage,
    body: Buffer,
    tell: ServerResponse,
    verdict: Verdict,
  ): Promise<void> {
    const { status, headers, answer } = await send(target, ask, body);
    if (ask.method === 'PUT') {
      const key = keyOf(ask);
      answers.set(key, [...(answers.get(key) ?? []), status]);
      if (verdict === 'forget') {
        forgotten.push(key);
        ask.socket.destroy();
        return;
      }
    }
    tell.writeHead(status, headers).end(answer);
  }

  const server = createServer((ask, tell) => {
    void bodyOf(ask)
      .then((body) => pass(ask, body, tell))
      .catch(() => ask.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${portOf(server)}`,
    ...{ forgotten, held, answers },
    async release() {
      holding = false;
      for (const carried of waiting.splice(0)) await carried();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first put of each key, under each condition, is done, and its answer lost. */
export function forgetFirst(): Judge {
  const seen = new Set<string>();
  return (key, condition) => {
    const put = `${condition} ${key}`;
    if (seen.has(put)) return 'pass';
    seen.add(put);
    return 'forget';
  };
}

function conditionOf({ headers }: IncomingMessage): string {
  return ['if-match', 'if-none-match'].find((name) => name in headers) ?? '';
}

function keyOf({ url = '/' }: IncomingMessage): string {
  return decodeURIComponent(url.split('?', 1)[0] ?? '').slice(1);
}

async function bodyOf(ask: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of ask) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly answer: Buffer;
};

/** The same request, its signed headers as they came. */
function send(target: URL, ask: IncomingMessage, body: Buffer): Promise<Answer> {
  const { expect: _waited, connection: _kept, ...headers } = ask.headers;
  return new Promise((resolve, reject) => {
    const passed = request(
      {
        ...{ host: target.hostname, port: target.port, method: ask.method, path: ask.url },
        headers,
        agent: false,
      },
      (answer) => {
        void bodyOf(answer).then((bytes) => {
          const { connection: _closed, ...rest } = answer.headers;
          const told = Object.entries(rest).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, value] as const],
          );
          const status = answer.statusCode ?? 500;
          resolve({ status, headers: Object.fromEntries(told), answer: bytes });
        }, reject);
      },
    );
    passed.on('error', reject);
    passed.end(body);
  });
}
