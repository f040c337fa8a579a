/** Kraken with trade ids that are not what they should be: they begin anew, or come again with other content. */
import { createKrakenVenue } from '../../connectors/kraken/venue.ts';
import type { CreateVenue, Venue, VenueSink } from '../../connectors/simulator/venue.ts';
import { MARKETS } from './contract-stage.ts';
import type { VenueTrade } from './contract-trades.ts';

type Trades = ReadonlyMap<string, readonly VenueTrade[]>;

/** The venue, with what it sends of trades handed to `retell`, in place of its own text. */
function retelling(retell: (text: string) => readonly string[]): CreateVenue {
  return (options) => {
    const venue: Venue = createKrakenVenue(options);
    const heard = (sink: VenueSink): VenueSink => ({
      ...sink,
      frame(text, about, at_ns) {
        const texts = about?.channel === 'trade' ? retell(text) : [text];
        for (const it of texts) sink.frame(it, about, at_ns);
      },
    });
    return {
      ...{ feed: venue.feed, base_path: venue.base_path },
      connect: (path, now_ns, sink) => venue.connect(path, now_ns, heard(sink)),
      nextEventNs: () => venue.nextEventNs(),
      advance: (now_ns) => venue.advance(now_ns),
    };
  };
}

const symbolIn = (text: string): string => /"symbol":"([^"]+)"/.exec(text)?.[1] ?? '';
const ID = /"trade_id":(\d+)/g;

/** Trades of `venue` whose ids count from 1 again since an instant, by our symbol; and a venue to match. */
export function beginAnew(
  venue: Trades,
  since: Readonly<Record<string, bigint>>,
): { readonly create: CreateVenue; readonly trades: Trades } {
  const before = new Map<string, bigint>();
  for (const [symbol, external] of Object.entries(MARKETS)) {
    const first = venue.get(symbol)?.find(({ at }) => at >= (since[symbol] ?? 2n ** 62n));
    if (first !== undefined) before.set(external, BigInt(first.id) - 1n);
  }
  const anew = (external: string, id: string): string => {
    const last = before.get(external);
    return last === undefined || BigInt(id) <= last ? id : `${BigInt(id) - last}`;
  };
  const trades = new Map(
    Object.entries(MARKETS).map(([symbol, external]) => [
      symbol,
      (venue.get(symbol) ?? []).map((it) => ({ ...it, id: anew(external, it.id) })),
    ]),
  );
  const create = retelling((text) => {
    const external = symbolIn(text);
    return [text.replaceAll(ID, (_, id: string) => `"trade_id":${anew(external, id)}`)];
  });
  return { create, trades };
}

/** A venue that sends some trades twice the same, and some again with another size. */
export function comeAgain(again: (id: bigint) => 'same' | 'other' | 'never'): CreateVenue {
  return retelling((text) => {
    if (!text.includes('"type":"update"')) return [text];
    const verdicts = new Set([...text.matchAll(ID)].map(([, id]) => again(BigInt(id ?? 0))));
    const texts = [text];
    if (verdicts.has('same')) texts.push(text);
    if (verdicts.has('other')) texts.push(text.replaceAll(/"qty":(\d+)/g, '"qty":9$1'));
    return texts;
  });
}
