/**
 * What the decoders know of each Coinbase channel, and how we know. A channel without a row is not
 * supported and is ignored by name. *Documentation*: docs.cdp.coinbase.com, Advanced Trade and
 * Exchange WebSocket, read 2026-11. *Capture*: frames recorded from the Exchange feed by others on
 * 2021-04-17. *Shapes*: frames of Advanced Trade published by a client's tests, 2023-02 to 2024-10.
 */
import type { EvidenceRow } from '../feed.ts';

const DOCUMENTATION = 'documentation, 2026-11';
const CAPTURE = 'capture 2021-04-17 (Exchange)';
const SHAPES = 'shapes 2023-02 to 2024-10';
const FRAMES_2026 = 'frames published by clients, 2026-04';

export const COINBASE_EVIDENCE: readonly EvidenceRow[] = [
  {
    channel: 'level2',
    variant: 'l2_data, snapshot: all levels, both sides in one list; their times may be of 1970',
    role: 'data',
    action: 'book',
    evidence: `${DOCUMENTATION}; ${FRAMES_2026} (44,000 levels of BTC-USD)`,
  },
  {
    channel: 'level2',
    variant: 'l2_data, update: new_quantity is the new size, 0 deletes; side bid or offer',
    role: 'data',
    action: 'book',
    evidence: `${DOCUMENTATION}; ${FRAMES_2026}`,
  },
  {
    channel: 'market_trades',
    variant: 'update: newest first; side is the maker’s; trade_id counts by one per product',
    role: 'data',
    action: 'trade',
    evidence: `${SHAPES}; ${DOCUMENTATION}; ids are those of the Exchange feed`,
  },
  {
    channel: 'market_trades',
    variant: 'snapshot: the last trades, as history',
    role: 'data',
    action: 'trade',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'ticker',
    variant: 'with each match; time is the frame’s',
    role: 'data',
    action: 'ticker',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: 'ticker_batch',
    variant: 'every five seconds, without best bid and offer',
    role: 'data',
    action: 'ticker',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: 'candles',
    variant: 'bars of five minutes, each second while they change; never said to be closed',
    role: 'data',
    action: 'ohlc',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: 'status',
    variant: 'products: increments, status, smallest order in quote currency',
    role: 'data',
    action: 'instrument',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: 'heartbeats',
    variant: 'once a second: the connection lives; says nothing of a market',
    role: 'control',
    action: 'heartbeat',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: 'subscriptions',
    variant: 'after each request: all the connection is subscribed to, by the names asked for',
    role: 'control',
    action: 'ack',
    evidence: `${SHAPES}; ${DOCUMENTATION}`,
  },
  {
    channel: '(every channel)',
    variant: 'sequence_num: counts the frames of a connection over all channels',
    role: 'control',
    action: 'sequence; a hole is a gap of everything on the connection',
    evidence: `${DOCUMENTATION}; ${SHAPES}; a client counted 677 frames without a hole`,
  },
  {
    channel: '(answers)',
    variant: 'type error: words only; those of Advanced Trade are not recorded, read as Exchange’s',
    role: 'control',
    action: 'refused',
    evidence: 'texts logged by clients of the Exchange feed, 2018 to 2023',
  },
  {
    channel: 'user, futures_balance_summary, ...',
    variant: 'any other channel',
    role: 'ignored',
    action: 'channel_not_supported:<channel>',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(Exchange) level2, level2_batch',
    variant: 'snapshot, l2update: sizes are new sizes; no number, nothing proves it whole',
    role: 'data',
    action: 'book',
    evidence: `${CAPTURE}: ten books never crossed in 9,729 messages`,
  },
  {
    channel: 'matches',
    variant: '(Exchange) match, and last_match as history: side is the maker’s; ids count by one',
    role: 'data',
    action: 'trade',
    evidence: `${CAPTURE} (97 of 97 ids follow; 107 sides opposite to those of ticker)`,
  },
  {
    channel: '(Exchange) ticker',
    variant: 'ticker: side is the taker’s, and not taken; sizes of the best prices since 2022',
    role: 'data',
    action: 'ticker',
    evidence: `${CAPTURE}; ${DOCUMENTATION}`,
  },
  {
    channel: '(Exchange) heartbeat, subscriptions, error',
    variant: 'as those of Advanced Trade; level2_batch is acknowledged as level2_50',
    role: 'control',
    action: 'heartbeat, ack, refused',
    evidence: `${CAPTURE}; frames published by clients, 2026-08`,
  },
  {
    channel: '(Exchange) received, open, done, change, status, auction, ...',
    variant: 'any other type',
    role: 'ignored',
    action: 'type_not_supported:<type>',
    evidence: DOCUMENTATION,
  },
];
