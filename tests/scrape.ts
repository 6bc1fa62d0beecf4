// One scrape of a server under test, read as sums.

import { OperatorClient } from '../packages/cli/src/operator-client.ts';
import type { ServerProcess } from './server-process.ts';

export class Scrape {
  readonly text: string;

  static async of({ dataDir }: ServerProcess): Promise<Scrape> {
    const operator = await OperatorClient.connect(dataDir);
    return new Scrape(await (await operator.fetch('GET', '/metrics?processes=all')).text());
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
