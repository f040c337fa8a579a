/**
 * What the decoder of this feed knows, and how we know it. *Documentation*: developers.binance.com,
 * USD-M futures, "Websocket Market Streams", read 2026-11. *Capture*: frames recorded from the
 * venue on the day named. A row without a capture has been seen in documentation only.
 */
import type { EvidenceRow } from '../feed.ts';

const DOCUMENTATION = 'documentation, 2026-11';
const CAPTURE_2021 = 'capture 2021-07-22';
const CAPTURE_2024 = 'capture 2024-08-08';

export const BINANCE_USDM_EVIDENCE: readonly EvidenceRow[] = [
  {
    channel: 'depth',
    variant: '<symbol>@depth[@speed], e depthUpdate: changes since the last, U u pu',
    role: 'data',
    action: 'book',
    evidence: `${CAPTURE_2021}; ${CAPTURE_2024}; ${DOCUMENTATION}`,
  },
  {
    channel: 'depth',
    variant: '<symbol>@depth{5,10,20}[@speed], e depthUpdate as well: only the stream tells',
    role: 'data',
    action: 'book',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'bookTicker',
    variant: '<symbol>@bookTicker; E and T were not always sent',
    role: 'data',
    action: 'quote',
    evidence: `${CAPTURE_2021}; ${CAPTURE_2024}; ${DOCUMENTATION}`,
  },
  {
    channel: 'aggTrade',
    variant: '<symbol>@aggTrade: trades f..l of one taker at one price, id a counts by one',
    role: 'data',
    action: 'trade',
    evidence: `${CAPTURE_2021}; ${DOCUMENTATION}`,
  },
  {
    channel: 'trade',
    variant: '<symbol>@trade, X MARKET or absent: a trade on the book, id t',
    role: 'data',
    action: 'trade',
    evidence: `${CAPTURE_2024}; ${DOCUMENTATION}`,
  },
  {
    channel: 'trade',
    variant: '<symbol>@trade, X INSURANCE_FUND, ADL, NA: never met the book',
    role: 'ignored',
    action: 'trade_not_on_book:<X>',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'kline_<interval>',
    variant:
      '<symbol>@kline_<interval>; k.x says whether it is closed, 1M has no length in seconds',
    role: 'data',
    action: 'ohlc',
    evidence: `${CAPTURE_2021}; ${DOCUMENTATION}`,
  },
  {
    channel: 'markPrice',
    variant: '<symbol>@markPrice[@1s]; T is the next funding time, r may be "" and T 0',
    role: 'data',
    action: 'mark',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'forceOrder',
    variant: '<symbol>@forceOrder: the latest of each second only, so never complete',
    role: 'data',
    action: 'liquidation',
    evidence: DOCUMENTATION,
  },
  {
    channel: '24hrTicker, 24hrMiniTicker, continuous_kline, contractInfo, assetIndexUpdate, ...',
    variant: 'any other e, or a stream whose payload is a list',
    role: 'ignored',
    action: 'channel_not_supported:<e>',
    evidence: DOCUMENTATION,
  },
  {
    channel: 'depth',
    variant: '<symbol>@rpiDepth@500ms: another book that says e depthUpdate too',
    role: 'ignored',
    action: 'channel_not_supported:rpiDepth@500ms',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: '{"result":null,"id":1}',
    role: 'control',
    action: 'ack',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: '{"error":{"code":2,"msg":"..."},"id":1} and {"code":2,"msg":"..."}',
    role: 'control',
    action: 'refused',
    evidence: DOCUMENTATION,
  },
  {
    channel: '(answers)',
    variant: '{"result":<anything else>,"id":1}: the answer to something we never ask',
    role: 'ignored',
    action: 'result_not_null',
    evidence: DOCUMENTATION,
  },
];
