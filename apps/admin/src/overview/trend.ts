// Where the values of a chart stand: the last quarter of an hour from left to right, zero at the bottom.

export interface Scale {
  readonly fromMs: number;
  readonly toMs: number;
  /** At the top. */
  readonly max: number;
}

export const windowMs = 15 * 60_000;
/** Of the picture that is stretched over the chart. */
export const width = 600;
export const height = 120;

/** One or more lines, interrupted where there was no value; M and L of an SVG path. */
export function linePath(times: readonly number[], values: readonly (number | null)[], scale: Scale): string {
  let isDrawing = false;
  return values
    .map((value, at) => {
      if (value === null) {
        isDrawing = false;
        return '';
      }
      const command = isDrawing ? 'L' : 'M';
      isDrawing = true;
      return `${command}${placeOf(times[at], value, scale)}`;
    })
    .join('');
}

/** A value between two that are missing has no line: one of no length, with round ends, draws a dot. */
export function dotPath(times: readonly number[], values: readonly (number | null)[], scale: Scale): string {
  const isThere = (at: number) => (values[at] ?? null) !== null;
  return values
    .map((value, at) =>
      value === null || isThere(at - 1) || isThere(at + 1) ? '' : `M${placeOf(times[at], value, scale)}h0`,
    )
    .join('');
}

const placeOf = (atMs: number | undefined, value: number, scale: Scale): string =>
  `${xOf(atMs ?? 0, scale)} ${yOf(value, scale)}`;

export const xOf = (atMs: number, { fromMs, toMs }: Scale): number =>
  round(((atMs - fromMs) / (toMs - fromMs)) * width);

const yOf = (value: number, { max }: Scale): number => round(height - (value / max) * height);

/** The next of 1, 2, 5, 10, 20 … that is not below any value. */
export function niceMax(values: readonly (number | null)[], least: number): number {
  const largest = Math.max(least, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(largest));
  return ([1, 2, 5, 10].find((step) => step * power >= largest) ?? 10) * power;
}

/** The index of the point nearest to a place from 0 (left) to 1 (right); undefined without points. */
export function nearest(times: readonly number[], place: number, { fromMs, toMs }: Scale): number | undefined {
  const wanted = fromMs + place * (toMs - fromMs);
  let best: number | undefined;
  times.forEach((time, at) => {
    if (best === undefined || Math.abs(time - wanted) < Math.abs((times[best] ?? 0) - wanted)) best = at;
  });
  return best;
}

const round = (value: number): number => Math.round(value * 10) / 10;
