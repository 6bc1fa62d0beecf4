// What a running `hongyan backup` costs those who write meanwhile: direct messages at a fixed rate, alone and beside backups.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Bed,
  type Figure,
  measureInTurns,
  names,
  openAll,
  refuse,
  type Scenario,
  type ScenarioInput,
  type Shape,
  withBed,
} from '../scenario.ts';
import { quantiles } from './direct.ts';

const users = names('user', 100);
const perS = 1_000;
const rounds = 3;
const storedConversations = 1_000;
const storedRows = 2_000_000;
const storedRowsQuick = 200_000;
const program = join(import.meta.dir, '../../packages/cli/src/main.ts');

const alone = shape('alone', 'the others alone', () => undefined);
const copying = shape('copying', 'beside backups, one after another', (bed) => new Backups(bed));

export const backup: Scenario = {
  name: 'backup',
  summary: `direct messages at ${perS}/s, with and without hongyan backup of the same store`,
  shapes: [alone.id, copying.id],
  async run(input) {
    return withBed({ seed: seedOf(input), cores: input.cores }, async (bed) => {
      await openAll(bed, users);
      return measureInTurns(bed, input, { scenario: 'backup', shapes: [alone, copying], rounds });
    });
  },
};

/** What there is to copy: conversations of others. */
function seedOf({ rows, isQuick }: ScenarioInput) {
  const messages = rows ?? (isQuick ? storedRowsQuick : storedRows);
  const directs = Array.from({ length: storedConversations }, (_, index) => `d:reader${index}:writer${index}`);
  return { users, groups: [], directs, messagesEach: Math.ceil(messages / storedConversations) };
}

function shape(id: string, name: string, besides: (bed: Bed) => Backups | undefined): Shape {
  return {
    id,
    name,
    item: 'message',
    warmUpS: 3,
    async run(bed, durationS) {
      const backups = besides(bed);
      const result = await bed.generator.call('direct', { load: { type: 'rate', perS }, durationS });
      const extra = (await backups?.stop()) ?? {};
      if (result.errors > 0) refuse([result.firstError], name);
      const latency = { ack: quantiles(result.ack), receive: quantiles(result.receive) };
      return { count: result.completed, elapsedS: result.elapsedS, latency, extra };
    },
  };
}

/** One after another, as long as the load runs; at its end the last one is interrupted. */
class Backups {
  readonly #folder: string;
  readonly #stopped = new AbortController();
  readonly #made: Promise<readonly Made[]>;

  constructor({ dataFolder }: Bed) {
    this.#folder = `${dataFolder}-backup`;
    this.#made = this.#make(dataFolder);
  }

  async stop(): Promise<Figure['extra']> {
    this.#stopped.abort();
    const made = await this.#made;
    const [first] = made;
    if (first === undefined) return { backups: 'none was whole in time' };
    const seconds = made.reduce((sum, { elapsedS }) => sum + elapsedS, 0) / made.length;
    return { backups: made.length, 's each': Number(seconds.toFixed(1)), MiB: Math.round(first.bytes / 2 ** 20) };
  }

  async #make(data: string): Promise<readonly Made[]> {
    const made: Made[] = [];
    const { signal } = this.#stopped;
    try {
      while (!signal.aborted) {
        const beganMs = performance.now();
        const child = Bun.spawn([process.execPath, program, 'backup', this.#folder, '--data', data, '--json'], {
          ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
          ...{ signal, killSignal: 'SIGINT' },
        });
        const printed = await new Response(child.stdout).text();
        const code = await child.exited;
        if (signal.aborted) break;
        if (code !== 0) throw new Error(`hongyan backup exited with ${code}`);
        const { bytes } = JSON.parse(printed) as { readonly bytes: number };
        made.push({ elapsedS: (performance.now() - beganMs) / 1_000, bytes });
        await rm(this.#folder, { recursive: true });
      }
      return made;
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}

interface Made {
  readonly elapsedS: number;
  readonly bytes: number;
}
