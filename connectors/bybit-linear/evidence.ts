/**
 * What the decoder knows of each Bybit channel, and how we know. A channel without a row is not
 * supported and is ignored by name. *Documentation*: Bybit v5 API, public WebSocket stream, read 2026-11.
 * *Shape*: a message kept by a client library's tests. No recording of this venue was at hand.
 */
import type { EvidenceRow } from '../feed.ts';

const DOCUMENTATION = 'documentation, 2026-11';
const CLIENTS = 'clients of the venue, 2026-11';

export const BYBIT_LINEAR_EVIDENCE: readonly EvidenceRow[] = [
  {
    channel: 'orderbook',
    variant: 'orderbook.{50,200,500,1000}, type snapshot: the whole book; u counts on from there',
    role: 'data',
    action: 'book',
    evidence: `${DOCUMENTATION}; shape Bybit/Option_Book, of the same form`,
  },
  {
    channel: 'orderbook',
    variant: 'the same, type delta: u is one above the last; size 0 deletes',
    role: 'data',
    action: 'book',
    evidence: `${DOCUMENTATION}; ${CLIENTS} (that u counts by one)`,
  },
  {
    channel: 'orderbook',
    variant: 'u 1: the service began anew, a snapshot whatever its type says',
    role: 'data',
    action: 'book',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'orderbook',
    variant: 'seq: counts over all markets, only grows; checked to be a number, not kept',
    role: 'control',
    action: 'nothing',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'orderbook',
    variant: 'cts: when the matching engine made it; ts, when it was sent, where there is no cts',
    role: 'control',
    action: 'ts_event',
    evidence: `${DOCUMENTATION}; shape Bybit/Option_Book`,
  },
  {
    channel: 'orderbook.1',
    variant: 'type snapshot: the best level a side, and again after 3 s without change, u the same',
    role: 'data',
    action: 'quote',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'orderbook.1',
    variant: 'type delta, as before 2024: half a quote',
    role: 'ignored',
    action: 'best_level_delta',
    evidence: `${DOCUMENTATION} (older editions)`,
  },
  {
    channel: 'orderbook.25, orderbook.100, orderbook.rpi, ...',
    variant: 'depths of options, and books of another kind',
    role: 'ignored',
    action: 'channel_not_supported:<topic>',
    evidence: `${DOCUMENTATION}; shape Bybit/Option_Book`,
  },
  {
    channel: 'publicTrade',
    variant: 'up to 1,024 executions; S is the taker’s side, i a UUID; no history on subscribing',
    role: 'data',
    action: 'trade',
    evidence: `${DOCUMENTATION}; shape Bybit/Linear_Trades`,
  },
  {
    channel: 'publicTrade',
    variant: 'BT true: agreed on beside the book; order_type block',
    role: 'data',
    action: 'trade',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'tickers',
    variant: 'type snapshot: prices, sums of a day, best bid and offer',
    role: 'data',
    action: 'ticker',
    evidence: `${DOCUMENTATION}; shape Bybit/Linear_Ticker`,
  },
  {
    channel: 'tickers',
    variant: 'the same frame: mark and index price, rate and time of funding',
    role: 'data',
    action: 'mark',
    evidence: `${DOCUMENTATION}; shape Bybit/Linear_Ticker`,
  },
  {
    channel: 'tickers',
    variant: 'type delta: a field that is not there did not change',
    role: 'data',
    action: 'ticker',
    evidence: `${DOCUMENTATION}; that a side became empty is not said in a known form`,
  },
  {
    channel: 'kline.<interval>',
    variant: '1 3 5 15 30 60 120 240 360 720 minutes, D, W, M (no fixed length); confirm is closed',
    role: 'data',
    action: 'ohlc',
    evidence: `${DOCUMENTATION}; shape Bybit/Option_Klines, whose topic contradicts its interval`,
  },
  {
    channel: 'allLiquidation',
    variant:
      'S is the side of the position: Buy is closed by an order that sells; every 500 ms, all',
    role: 'data',
    action: 'liquidation',
    evidence: `${DOCUMENTATION}; shape Bybit/Linear_Liquidations`,
  },
  {
    channel: 'liquidation',
    variant: 'one element, spelled out; one a second at most; replaced by allLiquidation in 2025',
    role: 'data',
    action: 'liquidation',
    evidence: `${DOCUMENTATION}; ${CLIENTS} (that the side is the position’s)`,
  },
  {
    channel: 'kline_lt, tickers_lt, lt, insurance, adlAlert, priceLimit, ...',
    variant: 'any other topic',
    role: 'ignored',
    action: 'channel_not_supported:<topic>',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: 'op subscribe, unsubscribe, success true: names its request, no topic',
    role: 'control',
    action: 'ack',
    evidence: `${DOCUMENTATION}; shapes Bybit/Linear_*`,
  },
  {
    channel: '(answers)',
    variant: 'success false: names its request, and its topic in words only',
    role: 'control',
    action: 'refused',
    evidence: `${DOCUMENTATION}; texts logged by clients, 2022 to 2026`,
  },
  {
    channel: '(answers)',
    variant: 'any other op: answers to something we never ask',
    role: 'ignored',
    action: 'op_not_supported:<op>',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: 'type COMMAND_RESP: how the socket of options answers',
    role: 'ignored',
    action: 'answer_of_options',
    evidence: 'shapes Bybit/Option_*',
  },
  {
    channel: '(heartbeat)',
    variant: 'op ping (ret_msg pong), or op pong: the answer to our ping',
    role: 'control',
    action: 'pong',
    evidence: DOCUMENTATION,
  },
];
