import { formatTime } from '../model/time-zone.ts';

/** Hours since 1970 as whole numbers: the value of an hour is the last one in the hour up to it. */
export const HOUR_MS = 3_600_000;
export const DAY_HOURS = 24;

/** `2024-10-31T14:00:00Z` */
export function formatHour(hour: number): string {
  return formatTime(new Date(hour * HOUR_MS));
}

/** The hour that an observation of this time belongs to: 13:50 and 14:00 to 14. */
export function hourOf(time: string): number {
  return Math.ceil(Date.parse(time) / HOUR_MS);
}

/** NaN for a text that is not a time. */
export function parseHour(text: string): number {
  return Date.parse(text) / HOUR_MS;
}

/** `2024-10-31`, the day of a forecast's hour. */
export function dayOf(hour: number): string {
  return formatHour(hour).slice(0, 10);
}

/** The first hour of a day. */
export function firstHourOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / HOUR_MS;
}
