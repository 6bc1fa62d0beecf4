// One chart of the last quarter of an hour: its values at the chosen moment in figures, its lines below.

import type { PointerEvent } from 'react';
import { useAmounts } from '../shell/amounts.ts';
import { dotPath, height, linePath, nearest, niceMax, type Scale, width, windowMs, xOf } from './trend.ts';

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export function TrendChart(props: {
  readonly name: string;
  readonly series: readonly Series[];
  readonly times: readonly number[];
  /** The index of the chosen moment. */
  readonly at: number;
  /** The top of the chart is at least this. */
  readonly least: number;
  /** A value in words. */
  readonly words: (value: number) => string;
  readonly onChoose: (at: number | undefined) => void;
}) {
  const { series, times, at, words } = props;
  const { clockTime } = useAmounts();
  const toMs = times.at(-1) ?? 0;
  const values = series.flatMap((one) => one.values);
  const scale: Scale = { fromMs: toMs - windowMs, toMs, max: niceMax(values, props.least) };
  function choose({ clientX, currentTarget }: PointerEvent): void {
    const box = currentTarget.getBoundingClientRect();
    props.onChoose(nearest(times, (clientX - box.left) / box.width, scale));
  }
  const x = xOf(times[at] ?? toMs, scale);
  return (
    <figure className="trend">
      <figcaption className="trend-head">
        <h2>{props.name}</h2>
        <ul className="trend-values">
          {series.map(({ name, values }, index) => (
            <li key={name} data-series={index}>
              {series.length > 1 && <span className="trend-key">{name}</span>}
              <strong>{valueWords(values[at], words)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div className="trend-picture" onPointerMove={choose} onPointerLeave={() => props.onChoose(undefined)}>
        <span className="trend-max" aria-hidden="true">
          {words(scale.max)}
        </span>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          <path className="trend-grid" d={`M0 0H${width}M0 ${height / 2}H${width}M0 ${height}H${width}`} />
          {series.map(({ name, values }, index) => (
            <g key={name} className="trend-line" data-series={index}>
              <path d={linePath(times, values, scale)} />
              <path className="trend-dot" d={dotPath(times, values, scale)} />
            </g>
          ))}
          <path className="trend-moment" d={`M${x} 0V${height}`} />
        </svg>
      </div>
      <p className="trend-times" aria-hidden="true">
        <span>{clockTime(scale.fromMs)}</span>
        <span>{clockTime(scale.toMs)}</span>
      </p>
    </figure>
  );
}

const valueWords = (value: number | null | undefined, words: (value: number) => string): string =>
  value === null || value === undefined ? '–' : words(value);
