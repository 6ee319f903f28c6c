type Unit = "S" | "M" | "H" | "d" | "w" | "m" | "y";

const STEPS: Record<Unit, (date: Date, count: number) => void> = {
  S: (date, count) => date.setUTCSeconds(date.getUTCSeconds() + count),
  M: (date, count) => date.setUTCMinutes(date.getUTCMinutes() + count),
  H: (date, count) => date.setUTCHours(date.getUTCHours() + count),
  d: (date, count) => date.setUTCDate(date.getUTCDate() + count),
  w: (date, count) => date.setUTCDate(date.getUTCDate() + 7 * count),
  m: (date, count) => date.setUTCMonth(date.getUTCMonth() + count),
  y: (date, count) => date.setUTCFullYear(date.getUTCFullYear() + count),
};

/** Whether this is an expression such as `1H 30M`; blank means none. */
export function isExpiry(expression: string): boolean {
  return expression
    .trim()
    .split(/\s+/)
    .every((part) => /^(\d+[SMHdwmy])?$/.test(part));
}

/** The moment so much after `start`; undefined for a blank expression. */
export function expiryAfter(start: Date, expression: string): Date | undefined {
  if (expression.trim() === "") return undefined;
  const end = new Date(start);
  for (const part of expression.trim().split(/\s+/))
    STEPS[part.slice(-1) as Unit](end, Number(part.slice(0, -1)));
  return end;
}
