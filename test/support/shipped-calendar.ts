/** A calendar as it is shipped, whatever calendars of their own operators have. */
import type { Calendar } from '../../calendars/calendar.ts';
import { calendarFolders, loadCalendar } from '../../environments/calendar-files.ts';
import { projectRoot } from './project.ts';

/** One of `calendars/`. */
export function shippedCalendar(name: string): Calendar {
  return loadCalendar(name, calendarFolders(projectRoot)).calendar;
}
