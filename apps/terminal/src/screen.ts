// Where hongyan chat writes: a terminal, whose lines above the prompt come and change, or a pipe, which gets plain lines.

import type { Interface } from 'node:readline';

export interface Screen {
  readonly kind: 'terminal' | 'plain';
  /** Prints a line. `replace` can change one with a key while it is the last. */
  print(line: string, key?: string): void;
  /** Returns false when the line with this key is not the last any more. */
  replace(line: string, key: string): boolean;
  /** Removes the line that was just typed: the message is shown in its place. */
  eraseTyped(typed: string): void;
  prompt(text: string): void;
  style(text: string, ...styles: readonly Style[]): string;
}

export type Style = keyof typeof codes;

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;

const withCodes = (text: string, styles: readonly Style[]): string =>
  styles.length === 0 ? text : `\u001b[${styles.map((style) => codes[style]).join(';')}m${text}\u001b[0m`;

/** For pipes and files. */
export function createPlainScreen(write: (text: string) => void): Screen {
  return {
    kind: 'plain',
    print: (line) => write(`${line}\n`),
    replace: () => false,
    eraseTyped() {},
    prompt() {},
    style: (text) => text,
  };
}

const upAndClear = '\u001b[1A\u001b[2K';
const clearLine = '\r\u001b[2K';

export interface TerminalOptions {
  readonly lines: Interface;
  readonly output: NodeJS.WriteStream;
  readonly isColoured: boolean;
}

export function createTerminalScreen({ lines, output, isColoured }: TerminalOptions): Screen {
  let last: { readonly key: string | undefined; readonly rows: number } | undefined;
  const rowsOf = (line: string): number => Math.max(1, Math.ceil(Bun.stringWidth(line) / (output.columns || 80)));

  function print(line: string, key?: string): void {
    const typedRows = rowsOf(`${lines.getPrompt()}${lines.line}`);
    output.write(`${clearLine}${upAndClear.repeat(typedRows - 1)}${line}\n`);
    last = { key, rows: rowsOf(line) };
    lines.prompt(true);
  }

  return {
    kind: 'terminal',
    print,
    replace(line, key) {
      if (last?.key !== key) return false;
      output.write(clearLine + upAndClear.repeat(last.rows));
      print(line, key);
      return true;
    },
    eraseTyped(typed) {
      output.write(upAndClear.repeat(rowsOf(`${lines.getPrompt()}${typed}`)));
    },
    prompt(text) {
      lines.setPrompt(text);
      lines.prompt(true);
    },
    style: (text, ...styles) => (isColoured ? withCodes(text, styles) : text),
  };
}
