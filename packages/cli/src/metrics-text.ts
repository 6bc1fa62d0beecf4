// Reads the Prometheus text of a server, and what two scrapes of it say about the time between them.

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Scrape {
  readonly #byName = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = line.match(/^(\w+)(?:\{(.*)\})? (\S+)$/) ?? [];
      if (name === undefined) continue;
      const samples = this.#byName.get(name) ?? [];
      samples.push({ labels: labelsOf(labels), value: Number(value) });
      this.#byName.set(name, samples);
    }
  }

  /** Of all samples with these labels, whatever their process. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.samples(name)
      .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
      .reduce((total, { value }) => total + value, 0);
  }

  samples(name: string): readonly Sample[] {
    return this.#byName.get(name) ?? [];
  }
}

/**
 * The bound below which this share of a histogram's values lies, of those since `before`: as exact as its buckets. undefined without
 * any, Infinity beyond the last bound.
 */
export function quantile(share: number, { name, labels, before, now }: HistogramPart): number | undefined {
  const grown = (le: string) => {
    const of = { ...labels, le };
    return now.sum(`${name}_bucket`, of) - before.sum(`${name}_bucket`, of);
  };
  const bounds = [...new Set(now.samples(`${name}_bucket`).map((sample) => sample.labels.le ?? ''))].sort(
    (a, b) => boundOf(a) - boundOf(b),
  );
  const total = grown('+Inf');
  if (total === 0) return undefined;
  return boundOf(bounds.find((le) => grown(le) >= total * share) ?? '+Inf');
}

export interface HistogramPart {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly before: Scrape;
  readonly now: Scrape;
}

const boundOf = (le: string): number => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [key, value]));
