import { pathOf } from "../wire/api";

/** Which sessions to show; empty: any. Days are local ones, as a date field has them. */
export interface SessionFilter {
  state: string;
  agent: string;
  from: string;
  to: string;
}

export const PAGE_SIZE = 25;

export function filterOf(query: string): SessionFilter {
  const given = new URLSearchParams(query);
  const value = (name: string) => given.get(name) ?? "";
  return {
    state: value("state"),
    agent: value("agent"),
    from: day(value("from")),
    to: day(value("to")),
  };
}

export function queryOf(filter: SessionFilter): string {
  const set = Object.entries(filter).filter(([, value]) => value !== "");
  return new URLSearchParams(set).toString();
}

/** What to ask the server for; `to` counts with all its hours. */
export function sessionsPath(filter: SessionFilter, cursor: string | null): string {
  return pathOf("v1/sessions", {
    state: filter.state,
    agent: filter.agent,
    created_from: filter.from && startOf(filter.from, 0),
    created_before: filter.to && startOf(filter.to, 1),
    limit: PAGE_SIZE,
    cursor,
  });
}

function startOf(date: string, daysLater: number): string {
  const [year = 0, month = 1, dayOfMonth = 1] = date.split("-").map(Number);
  return new Date(year, month - 1, dayOfMonth + daysLater).toISOString();
}

/** A day as a date field has it; anything else is none. */
function day(text: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}

/**
 * The way to the page that is shown: the cursors of all pages so far, none for the first. The
 * server knows only what comes next, so the way back is remembered here.
 */
export type Trail = readonly string[];

export const FIRST_PAGE: Trail = [];

export function cursorOf(trail: Trail): string | null {
  return trail.at(-1) ?? null;
}

export function older(trail: Trail, nextCursor: string | null): Trail {
  return nextCursor === null ? trail : [...trail, nextCursor];
}

export function newer(trail: Trail): Trail {
  return trail.slice(0, -1);
}
