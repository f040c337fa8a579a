/**
 * What the decoder knows of each Kraken channel, and how we know. A channel without a row is not
 * supported and is ignored by name. Documentation is that of "Spot WebSocket API v2" on
 * docs.kraken.com, read 2026-11.
 */
import type { EvidenceRow } from '../feed.ts';

const CAPTURE = 'capture kraken-v2/book-btcusd-d10-20230730 (510 of 510 checksums)';

export const evidence: readonly EvidenceRow[] = [
  {
    channel: 'book',
    variant: 'snapshot',
    role: 'data',
    action: 'book',
    evidence: `docs "Book (Level 2)"; ${CAPTURE}; no timestamp before 2025`,
  },
  {
    channel: 'book',
    variant: 'update',
    role: 'data',
    action: 'book',
    evidence: `docs "Book (Level 2)"; ${CAPTURE}; entries in no price order, quantity 0 deletes`,
  },
  {
    channel: 'book',
    variant: 'checksum',
    role: 'control',
    action: 'book.checksum; absent or 0 is "not provided", never a mismatch',
    evidence: `docs "Book checksum" with its worked example; ${CAPTURE}`,
  },
  {
    channel: 'trade',
    variant: 'snapshot',
    role: 'data',
    action: 'trade',
    evidence: 'docs "Trades": the last 50, may be empty; flagged as history',
  },
  {
    channel: 'trade',
    variant: 'update',
    role: 'data',
    action: 'trade',
    evidence: 'docs "Trades": side is the taker\'s; shape Kraken/Spot_Trades',
  },
  {
    channel: 'ticker',
    variant: 'snapshot, update',
    role: 'data',
    action: 'ticker',
    evidence: 'docs "Ticker (Level 1)"; shape Kraken/Spot_Ticker',
  },
  {
    channel: 'ticker',
    variant: 'bid, ask',
    role: 'data',
    action: 'quote',
    evidence: 'docs "Ticker (Level 1)", event_trigger bbo: a message on every change of either',
  },
  {
    channel: 'ticker',
    variant: 'price 0, timestamp of 1970',
    role: 'data',
    action: 'absent (null), with the quantity at that price',
    evidence: 'recorded message of an empty book, quoted in the tests of a public client',
  },
  {
    channel: 'ohlc',
    variant: 'snapshot, update',
    role: 'data',
    action: 'ohlc',
    evidence:
      'docs "Candles (OHLC)"; shape Kraken/Spot_Kline; ts_event is the frame\'s timestamp, ' +
      "the candle's own is the end of its interval; no flag says a candle is closed",
  },
  {
    channel: 'instrument',
    variant: 'snapshot, update: pairs',
    role: 'data',
    action: 'instrument',
    evidence:
      'docs "Instruments": increments in exponent form; tick_size is the older price_increment, ' +
      "as the venue's own warning on subscribing says",
  },
  {
    channel: 'instrument',
    variant: 'assets',
    role: 'ignored',
    action: 'instrument_assets',
    evidence: 'docs "Instruments": reference data of currencies, not of markets',
  },
  {
    channel: 'status',
    variant: 'update',
    role: 'control',
    action: 'system',
    evidence: 'docs "Status": online, maintenance, cancel_only, post_only; connection_id over 2^53',
  },
  {
    channel: 'heartbeat',
    variant: '',
    role: 'control',
    action: 'heartbeat',
    evidence: 'docs "Heartbeat": about once a second while anything is subscribed',
  },
  {
    channel: 'subscribe, unsubscribe',
    variant: 'success true',
    role: 'control',
    action: 'ack',
    evidence: 'docs of each channel: one a market, may carry result.warnings',
  },
  {
    channel: 'subscribe, unsubscribe',
    variant: 'success false',
    role: 'control',
    action: 'refused',
    evidence: 'recorded refusal "Subscription depth not supported"; heartbeats go on after it',
  },
  {
    channel: 'Error',
    variant: 'message rate',
    role: 'control',
    action: 'refused',
    evidence: 'recorded "Exceeded msg rate", quoted in public issues',
  },
  {
    channel: 'ping',
    variant: 'pong',
    role: 'control',
    action: 'pong',
    evidence: 'docs "Ping"',
  },
  {
    channel: 'level3',
    variant: 'snapshot, update',
    role: 'ignored',
    action: 'channel_not_supported:level3',
    evidence: 'docs "Orders (Level 3)": needs a token; shape Kraken/Spot_IndividualBook',
  },
  {
    channel: 'any other',
    variant: '',
    role: 'ignored',
    action: 'channel_not_supported:<name>',
    evidence: 'no row, no support',
  },
];
