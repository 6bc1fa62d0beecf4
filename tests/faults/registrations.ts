// Devices that are registered at a cluster while it is broken: what was accepted is stored in the end, whichever workers were killed.

import { askOperator } from '@hongyan/testing/operator';
import type { MysqlAddress } from '@hongyan/testing/services/state';
import { until } from '@hongyan/testing/until';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Registrar } from '../registrar.ts';

const batchSize = 20;
const pauseMs = 300;
const storedWithinMs = 90_000;

export interface RegistrationsOptions {
  readonly url: string;
  readonly dataDir: string;
  readonly mysql: MysqlAddress;
  /** Of the devices' service. */
  readonly database: string;
}

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #registrar: Registrar;
  readonly #accepted = new Set<string>();
  #count = 0;

  static async begin(options: RegistrationsOptions): Promise<Registrations> {
    const { url, dataDir } = options;
    const made = await askOperator(dataDir, 'POST', '/admin/v1/keys', { name: 'siege', scopes: ['devices:register'] });
    if (made.status !== 200) throw new Error(`no key was made: ${made.status} ${JSON.stringify(made.body)}`);
    return new Registrations(options, Registrar.of(url, String(made.body.key)));
  }

  private constructor(options: RegistrationsOptions, registrar: Registrar) {
    this.#options = options;
    this.#registrar = registrar;
  }

  /** Until the signal: one batch of new devices after the other. */
  async live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const tokens = Array.from({ length: batchSize }, () => `device-${++this.#count}`.padEnd(12, '-'));
      const devices = tokens.map((token) => ({ device_token: token, model: 'P1', firmware: '1.0' }));
      // Refused, or cut off: whether it is stored all the same is not known.
      const answer = await this.#registrar.post('register/batch', { devices }).catch(() => undefined);
      if (answer?.status === 202) for (const token of tokens) this.#accepted.add(token);
      await Bun.sleep(pauseMs);
    }
  }

  get acceptedCount(): number {
    return this.#accepted.size;
  }

  /** [T1] Rejects and names some when not all that were accepted are stored. */
  async allStored(): Promise<void> {
    let missing: string[] = [];
    await until(
      async () => {
        const stored = await this.#stored();
        missing = [...this.#accepted].filter((token) => !stored.has(token));
        return missing.length === 0;
      },
      { withinMs: storedWithinMs },
    ).catch(() => {
      throw new Error(`${missing.length} accepted registrations are not stored, such as ${missing.slice(0, 5)}`);
    });
  }

  async #stored(): Promise<ReadonlySet<string>> {
    const { mysql, database } = this.#options;
    const connection = await createConnection({ ...mysql, database });
    try {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT token FROM device');
      return new Set(rows.map(({ token }) => String(token)));
    } finally {
      await connection.end();
    }
  }
}
