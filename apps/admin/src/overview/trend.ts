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
      const x = xOf(times[at] ?? 0, scale);
      const y = yOf(value, scale);
      // A value between two that are missing is a point, which a line of no length draws.
      const dot = !isDrawing && (values[at + 1] ?? null) === null ? `L${x} ${y}` : '';
      isDrawing = true;
      return `${command}${x} ${y}${dot}`;
    })
    .join('');
}

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
