// A reading that may be late, as of a server that is away: who asks for it goes without it then.

import { aborted } from '@hongyan/base/abort';
import type { Log } from '@hongyan/base/log';

export class TimelyRead<T> {
  readonly #metric: string;
  readonly #read: () => T | Promise<T>;
  readonly #log: Log;
  #running: Promise<T> | undefined;
  #isMissing = false;

  constructor(metric: string, read: () => T | Promise<T>, log: Log) {
    this.#metric = metric;
    this.#read = read;
    this.#log = log;
  }

  /** undefined: it fails, or is under way when `signal` aborts. Who asks meanwhile shares it: what hangs would pile up otherwise. */
  async value(signal: AbortSignal): Promise<T | undefined> {
    this.#running ??= Promise.try(this.#read).finally(() => {
      this.#running = undefined;
    });
    try {
      const value = await Promise.race([this.#running, aborted(signal)]);
      if (this.#isMissing) this.#log.info('metric is readable again', { metric: this.#metric });
      this.#isMissing = false;
      return value;
    } catch (error) {
      if (!this.#isMissing)
        this.#log.error('failed to read a metric: scrapes omit it until it is readable', {
          metric: this.#metric,
          error,
        });
      this.#isMissing = true;
      return undefined;
    }
  }
}
