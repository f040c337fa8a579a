/**
 * The ticket of the trouble a run is in: filed, so that it finds the run, and linked in what the run shows.
 * A run hears of it when it begins (the one before failed), at its end, or in between by a signal of the
 * notice that was told of it.
 */
import { defineSignal, setHandler } from '@temporalio/workflow';
import type { Ticket } from '../../schema/notice.ts';
import { fileTicket } from './attributes.ts';
import { showTicket } from './progress.ts';

export const ticketSignal = defineSignal<[Ticket]>('ticket');

export function bearTickets(tickets: readonly Ticket[]): void {
  for (const ticket of tickets) {
    fileTicket(ticket.id);
    showTicket(ticket);
  }
}

/** Hears of tickets from now on. */
export function hearTickets(): void {
  const description = 'the ticket of a trouble this run is in; sent by its notice';
  setHandler(ticketSignal, (ticket) => bearTickets([ticket]), { description });
}
