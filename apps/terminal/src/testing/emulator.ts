// What a terminal shows of what is written to it: enough of one for the lines of a chat. It never scrolls: its rows have no end.

import { Writable } from 'node:stream';

// biome-ignore lint/suspicious/noControlCharactersInRegex: sequences begin with one
const sequence = /^\u001b\[(\d*)(?:;\d+)*([A-Za-z])/;

export class Emulator extends Writable {
  readonly isTTY = true;
  columns: number;
  #rows: string[][] = [[]];
  /** Those that go on from the row before. */
  #isWrapped = new WeakSet<string[]>();
  #row = 0;
  #column = 0;

  constructor({ columns }: { readonly columns: number }) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  /** The rows that are not empty at the end, without the spaces behind their text. */
  get shown(): string[] {
    const rows = this.#rows.map((cells) =>
      [...cells]
        .map((cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    );
    return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1);
  }

  /** Wraps all lines anew, as most terminals do; the cursor stays where it is in its line. */
  resize(columns: number): void {
    const [rows, cursorRow, cursorColumn] = [this.#rows, this.#row, this.#column];
    this.columns = columns;
    this.#rows = [[]];
    this.#to(0, 0);
    let cursor: readonly [number, number] = [0, 0];
    for (const [index, row] of rows.entries()) {
      if (index > 0 && !this.#isWrapped.has(row)) this.#put('\n');
      const cells = index === cursorRow ? [...row, ...Array(Math.max(0, cursorColumn - row.length)).fill(' ')] : row;
      for (const [column, cell] of [...cells, ''].entries()) {
        if (index === cursorRow && column === cursorColumn) cursor = [this.#row, this.#column];
        if (cell !== '') this.#put(cell);
      }
    }
    this.#to(...cursor);
    this.emit('resize');
  }

  override _write(text: string, _encoding: BufferEncoding, done: () => void): void {
    for (let rest = text; rest !== ''; ) {
      const [whole, count, command] = sequence.exec(rest) ?? [];
      if (whole !== undefined) this.#control(command ?? '', Number(count || 1), count ?? '');
      const taken = whole ?? String.fromCodePoint(rest.codePointAt(0) ?? 0);
      if (whole === undefined) this.#put(taken);
      rest = rest.slice(taken.length);
    }
    done();
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#to(this.#row + 1, 0);
    else {
      const width = Bun.stringWidth(character);
      if (this.#column + width > this.columns) {
        this.#to(this.#row + 1, 0);
        this.#isWrapped.add(this.#cells());
      }
      const cells = this.#cells();
      cells[this.#column] = character;
      if (width === 2) cells[this.#column + 1] = '';
      this.#column += width;
    }
  }

  #control(command: string, count: number, given: string): void {
    if (command === 'A') this.#to(Math.max(0, this.#row - count), this.#column);
    else if (command === 'B') this.#to(this.#row + count, this.#column);
    else if (command === 'C') this.#column = Math.min(this.columns - 1, this.#column + count);
    else if (command === 'D') this.#column = Math.max(0, this.#column - count);
    else if (command === 'G') this.#column = count - 1;
    else if (command === 'K') this.#cells().splice(given === '2' ? 0 : this.#column);
    else if (command === 'J') {
      this.#cells().splice(this.#column);
      this.#rows.splice(this.#row + 1);
    }
  }

  #to(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
  }

  #cells(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([]);
    return this.#rows[this.#row] ?? [];
  }
}
