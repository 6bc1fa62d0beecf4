// Where hongyan chat writes: a terminal, whose lines above the prompt come and change, or a pipe, which gets plain lines.

import type { Interface } from 'node:readline';

export interface Screen {
  readonly kind: 'terminal' | 'plain';
  /** Prints a line. `replace` can change one with a key while it is the last. */
  print(line: string, key?: string): void;
  /** Returns false when the line with this key is not the last any more, or is not all on the screen. */
  replace(line: string, key: string): boolean;
  /** Shows a line that was entered, as it was typed. A terminal removes each: a message is shown in its place. */
  echo(typed: string): void;
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
    echo() {},
    prompt() {},
    style: (text) => text,
  };
}

const clearDown = '\u001b[J';
const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '');

export interface TerminalOptions {
  /** Reads `input`. */
  readonly lines: Interface;
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WriteStream;
  readonly isColoured: boolean;
}

/** The cursor is in the prompt whenever one of these returns: what is printed goes above it, and the prompt with what is typed is written anew. */
export function createTerminalScreen({ lines, input, output, isColoured }: TerminalOptions): Screen {
  /** Of Node's readline too: the rows of the prompt above the cursor. */
  const cursor: { prevRows?: number } = lines as Interface & { prevRows?: number };
  let last: { readonly key: string | undefined; readonly line: string } | undefined;
  let isClosed = false;
  /** A wide character never begins in the last column, so a line takes more than its width. */
  const rowsOf = (line: string): number =>
    Bun.wrapAnsi(line, output.columns || 80, { hard: true, wordWrap: false, trim: false }).split('\n').length;

  /** Clears the prompt with what is typed, and so many rows above it. */
  function clear(rowsAbove = 0): void {
    output.write(`\r${up(lines.getCursorPos().rows + rowsAbove)}${clearDown}`);
  }

  /** Writes the prompt with what is typed from the row on that the cursor is in. */
  function writePrompt(): void {
    cursor.prevRows = 0;
    lines.prompt(true);
  }

  function print(line: string, key?: string, { replacing = 0 } = {}): void {
    last = { key, line };
    if (isClosed) return void output.write(`${line}\n`);
    clear(replacing);
    output.write(`${line}\n`);
    writePrompt();
  }

  // Of pasted text readline neither counts the rows, nor goes on in the next when one is full.
  input.on('keypress', () => {
    const { rows, cols } = lines.getCursorPos();
    if (rows > (cursor.prevRows ?? 0) && cols === 0) output.write(' \r');
    cursor.prevRows = rows;
  });
  // Terminals wrap their lines anew, the prompt too. Before readline draws it, which would clear what is above it.
  output.prependListener('resize', () => {
    cursor.prevRows = lines.getCursorPos().rows;
  });
  lines.on('line', (typed) => {
    // The cursor is in the row below the last, which is one of its own where the row before is full.
    output.write(`${up(rowsOf(`${lines.getPrompt()}${typed}_`))}${clearDown}`);
    writePrompt();
  });
  lines.on('close', () => {
    clear();
    isClosed = true;
  });

  return {
    kind: 'terminal',
    print,
    replace(line, key) {
      if (last?.key !== key || isClosed) return false;
      const rows = rowsOf(last.line);
      if (rows + lines.getCursorPos().rows >= (output.rows || 24)) return false;
      print(line, key, { replacing: rows });
      return true;
    },
    echo: (typed) => print(`${lines.getPrompt()}${typed}`),
    prompt(text) {
      if (isClosed) return;
      clear();
      lines.setPrompt(text);
      writePrompt();
    },
    style: (text, ...styles) => (isColoured ? withCodes(text, styles) : text),
  };
}
