/** All numbered cards, in the order of their numbers. */
import type { Card } from './card.ts';
import { CONNECTION_CARDS } from './connection.ts';
import { CONNECTOR_CARDS } from './connector.ts';
import { FAULT_CARDS } from './faults.ts';
import { DATA_CARDS } from './market-data.ts';

export const CARDS: readonly Card[] = [
  ...CONNECTION_CARDS,
  ...DATA_CARDS,
  ...CONNECTOR_CARDS,
  ...FAULT_CARDS,
].toSorted((a, b) => a.number.localeCompare(b.number));
