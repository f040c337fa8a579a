/**
 * What the decoder knows of each OKX channel, and how we know. A channel without a row is not
 * supported and is ignored by name. *Documentation*: OKX v5 API, public market data, read 2026-11.
 * *Capture*: frames recorded from the venue by others on 2022-05-13, before ids were sent.
 */
import type { EvidenceRow } from '../feed.ts';

const DOCUMENTATION = 'documentation, 2026-11';
const CAPTURE = 'capture 2022-05-13';
const FRAMES_2026 = 'frames published by clients, 2026-08 to 2026-10';

export const OKX_EVIDENCE: readonly EvidenceRow[] = [
  {
    channel: 'books',
    variant: 'action snapshot: 400 levels a side at most, prevSeqId -1',
    role: 'data',
    action: 'book',
    evidence: `${CAPTURE}; ${FRAMES_2026}; ${DOCUMENTATION}`,
  },
  {
    channel: 'books',
    variant: 'action update: changes since prevSeqId, every 100 ms; size 0 deletes',
    role: 'data',
    action: 'book',
    evidence: `${CAPTURE} (what falls off the end is deleted by name); ${FRAMES_2026}`,
  },
  {
    channel: 'books',
    variant: 'update without levels, seqId equal to prevSeqId: the book is quiet',
    role: 'data',
    action: 'book',
    evidence: `${FRAMES_2026}; ${DOCUMENTATION}`,
  },
  {
    channel: 'books',
    variant: 'seqId below prevSeqId, once: ids begin anew after maintenance, the chain holds',
    role: 'data',
    action: 'book',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'books',
    variant: 'checksum, signed; 0 or absent since 2026: not provided, never a mismatch',
    role: 'control',
    action: 'book.checksum, as unsigned',
    evidence: `${CAPTURE} (290 of 290); ${FRAMES_2026} (0 in every frame)`,
  },
  {
    channel: 'bbo-tbt',
    variant: 'the best level a side, whole each time, every 10 ms at most',
    role: 'data',
    action: 'quote',
    evidence: `${FRAMES_2026}; ${DOCUMENTATION}`,
  },
  {
    channel: 'trades',
    variant: 'one taker at one price: side is the taker’s, tradeId the last of count trades',
    role: 'data',
    action: 'trade',
    evidence: `${CAPTURE}; ${FRAMES_2026}; the last trade is sent on subscribing`,
  },
  {
    channel: 'tickers',
    variant: 'whole each time, every 100 ms at most; volCcy24h is quote currency on spot only',
    role: 'data',
    action: 'ticker',
    evidence: `${CAPTURE}; ${FRAMES_2026}; ${DOCUMENTATION}`,
  },
  {
    channel: 'candle<bar>',
    variant:
      'ts o h l c vol volCcy [volCcyQuote confirm]; confirm 1 is closed, months have no length',
    role: 'data',
    action: 'ohlc',
    evidence: `${DOCUMENTATION}; shape OKX/Klines`,
  },
  {
    channel: 'funding-rate',
    variant: 'fundingRate is settled at fundingTime; every 30 to 90 s; swaps only',
    role: 'data',
    action: 'mark',
    evidence: `${DOCUMENTATION}; shape OKX/FundingRate`,
  },
  {
    channel: 'mark-price, open-interest, status, books5, trades-all, liquidation-orders, ...',
    variant: 'any other channel of an arg',
    role: 'ignored',
    action: 'channel_not_supported:<channel>',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: 'event subscribe, unsubscribe: one for each arg of a request',
    role: 'control',
    action: 'ack',
    evidence: `${CAPTURE}; ${DOCUMENTATION}`,
  },
  {
    channel: '(answers)',
    variant: 'event error: names channel and market in its words only',
    role: 'control',
    action: 'refused',
    evidence: 'texts logged by clients, 2023 to 2025; documentation, 2026-11',
  },
  {
    channel: '(answers)',
    variant: 'event channel-conn-count-error: too many connections of one channel',
    role: 'control',
    action: 'refused',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(notices)',
    variant: 'event notice, code 64008: the connection will soon be closed, and is replaced before',
    role: 'control',
    action: 'system',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: 'event login, channel-conn-count, ...: answers to something we never ask',
    role: 'ignored',
    action: 'event_not_supported:<event>',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(heartbeat)',
    variant: 'the text pong, no JSON: the answer to the text ping',
    role: 'control',
    action: 'pong',
    evidence: DOCUMENTATION,
  },
];
