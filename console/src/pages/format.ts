const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, or ahead, in words: "3 min. ago". */
export function ago(at: string, now: number): string {
  const seconds = Math.round((Date.parse(at) - now) / 1_000);
  if (Math.abs(seconds) < 5) return "now";
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return "now";
}

/** A moment in the reader's own time and language. */
export function moment(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** 3725 seconds are "1:02:05". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export function milliseconds(seconds: number): string {
  return `${Math.round(seconds * 1_000)} ms`;
}

/** 0.6123 seconds are "0.61 s". */
export function shortSeconds(seconds: number): string {
  return `${seconds.toFixed(2)} s`;
}

export function bytes(count: number): string {
  const [divisor, unit] =
    count >= 1e9 ? [1e9, "GB"] : count >= 1e6 ? [1e6, "MB"] : count >= 1e3 ? [1e3, "kB"] : [1, "B"];
  const value = count / divisor;
  return `${value >= 100 || divisor === 1 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
