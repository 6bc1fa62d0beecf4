// A command on a terminal of its own: types as a person would, and waits for what is on the screen.

import { stripVTControlCharacters } from 'node:util';
import { fromSources } from '../server-process.ts';

const timeoutMs = 15_000;

export class Terminal {
  readonly #child: Bun.Subprocess;
  #bytes = '';
  /** In the text without control sequences. */
  #seen = 0;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([...fromSources, ...args], {
      env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env },
      terminal: {
        cols: 200,
        rows: 50,
        data: (_terminal, bytes) => {
          this.#bytes += decoder.decode(bytes, { stream: true });
        },
      },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
  }

  type(text: string): void {
    this.#child.terminal?.write(text);
  }

  /** Everything written so far, with its control sequences. */
  get raw(): string {
    return this.#bytes;
  }

  /** Resolves when `text` has been written behind what was last waited for. */
  async shows(text: string): Promise<void> {
    for (const until = performance.now() + timeoutMs; performance.now() < until; await Bun.sleep(10)) {
      const at = this.#text().indexOf(text, this.#seen);
      if (at < 0) continue;
      this.#seen = at + text.length;
      return;
    }
    const since = this.#text().slice(this.#seen);
    throw new Error(`"${text}" did not come on the screen; since what was last waited for:\n${since}`);
  }

  #text(): string {
    return stripVTControlCharacters(this.#bytes);
  }

  async exited(): Promise<number | null> {
    await this.#child.exited;
    this.#child.terminal?.close();
    return this.#child.exitCode;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}
