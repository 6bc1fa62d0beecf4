// The operator listener of a server under test, as the command line finds it.

import { OperatorClient } from '../packages/cli/src/operator-client.ts';
import type { ServerProcess } from './server-process.ts';

export const operatorOf = ({ dataDir }: ServerProcess): Promise<OperatorClient> => OperatorClient.connect(dataDir);

/** Of one scrape. */
export class Scrape {
  readonly text: string;

  static async of(server: ServerProcess): Promise<Scrape> {
    const operator = await operatorOf(server);
    return new Scrape(await (await operator.fetch('GET', '/metrics')).text());
  }

  private constructor(text: string) {
    this.text = text;
  }

  /** Of all processes together; `labels` as they stand in the text: 'reason="idle"'. */
  sum(name: string, ...labels: readonly string[]): number {
    const lines = this.text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
