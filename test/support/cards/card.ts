/** What a numbered card is: a promise that every simulated venue keeps, or says why it cannot. */
import type { VenueCard } from './venue.ts';

export type Card = {
  readonly number: string;
  readonly title: string;
  /** What holds where the card is passed. */
  readonly holds: string;
  /** The venue's data that it is played with; absent: what every venue has. */
  readonly cell?: keyof VenueCard;
  /** Throws where it does not hold. */
  readonly play: (venue: VenueCard) => void;
};
