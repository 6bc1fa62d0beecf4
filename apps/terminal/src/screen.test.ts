// A narrow terminal, on which what is typed and what arrives take several rows.

import { expect, test } from 'bun:test';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { createTerminalScreen, type Screen } from './screen.ts';
import { Emulator } from './testing/emulator.ts';

interface Stage {
  readonly screen: Screen;
  readonly shown: () => string[];
  resize(columns: number): void;
  /** As keys are pressed, or text is pasted. */
  type(text: string): Promise<void>;
  /** Lines that were entered. */
  readonly entered: string[];
  close(): void;
}

function stage({ columns = 20 } = {}): Stage {
  const input = new PassThrough();
  const output = new Emulator({ columns });
  const lines = createInterface({ input, output, terminal: true });
  const entered: string[] = [];
  lines.on('line', (line) => entered.push(line));
  const screen = createTerminalScreen({
    lines,
    input,
    output: output as unknown as NodeJS.WriteStream,
    isColoured: false,
  });
  screen.prompt('bob> ');
  return {
    ...{ screen, entered, shown: () => output.shown, resize: (width: number) => output.resize(width) },
    async type(text) {
      input.write(text);
      await Bun.sleep(0);
    },
    close: () => lines.close(),
  };
}

const ctrlA = '\u0001';
const long = 'a line of more than one row';
const asTyped = ['bob> a line of more', 'than one row'];

test('what arrives while a line of several rows is typed is above it, whole', async () => {
  const { screen, type, shown } = stage();
  await type(long);
  screen.print('first');
  screen.print('second, of two rows of it');
  expect(shown()).toEqual(['first', 'second, of two rows', 'of it', ...asTyped]);
});

test('also while the cursor is in the first of these rows', async () => {
  const { screen, type, shown } = stage();
  await type(long);
  await type(ctrlA);
  screen.print('first');
  screen.print('second');
  await type('>');
  expect(shown()).toEqual(['first', 'second', 'bob> >a line of more', ' than one row']);
});

test('a line changes in its place while one of several rows is typed', async () => {
  const { screen, type, shown } = stage();
  screen.print('before');
  screen.print('bob: a message of two  … queued', 'key');
  await type(long);
  expect(screen.replace('bob: a message of two  ✓ acked', 'key')).toBe(true);
  expect(shown()).toEqual(['before', 'bob: a message of tw', 'o  ✓ acked', ...asTyped]);
});

test('a wide character does not begin in the last column', async () => {
  const { screen, type, shown } = stage({ columns: 9 });
  screen.print('before');
  // Sixteen columns, and each row ends with one that is left empty.
  screen.print('你好你好你好你好你', 'key');
  screen.prompt('> ');
  expect(screen.replace('好', 'key')).toBe(true);
  expect(shown()).toEqual(['before', '好', '>']);
  await type('你好你好你好');
  screen.print('after');
  expect(shown()).toEqual(['before', '好', 'after', '> 你好你', '好你好']);
});

test.each([
  ['of several rows', long],
  ['that ends with its row', 'exactly a row..'],
  ['of nothing', ''],
])('a line %s leaves the screen when it is entered, pasted or key by key', async (_name, line) => {
  const { screen, type, shown, entered } = stage();
  screen.print('before');
  await type(`${line}\r`);
  for (const key of `${line}\r`) await type(key);
  expect(entered).toEqual([line, line]);
  expect(shown()).toEqual(['before', 'bob>']);
});

test('pasted lines erase nothing of what was there, nor each other', async () => {
  const { screen, type, shown, entered } = stage();
  screen.print('before');
  await type(`one\ntwo, which has two rows\nthree`);
  for (const line of entered) screen.print(`me: ${line}`);
  expect(shown()).toEqual(['before', 'me: one', 'me: two, which has t', 'wo rows', 'bob> three']);
});

test('a wider window, and a narrower one, lose nothing of what is above the prompt', async () => {
  const { screen, type, shown, resize } = stage();
  screen.print('before');
  await type(long);
  resize(40);
  expect(shown()).toEqual(['before', `bob> ${long}`]);
  resize(12);
  expect(shown()).toEqual(['before', 'bob> a line', 'of more than', ' one row']);
  screen.print('after');
  expect(shown()).toEqual(['before', 'after', 'bob> a line', 'of more than', ' one row']);
});

test('a command that was entered is shown again with its prompt', async () => {
  const { screen, type, shown } = stage();
  await type('/list\r');
  screen.echo('/list');
  screen.print('  1  bob');
  expect(shown()).toEqual(['bob> /list', '  1  bob', 'bob>']);
});

test('at its end the prompt is gone, and what comes then is a line', async () => {
  const { screen, type, shown, close } = stage();
  screen.print('before');
  await type(long);
  close();
  expect(shown()).toEqual(['before']);
  screen.print('after');
  screen.prompt('carol> ');
  expect(shown()).toEqual(['before', 'after']);
});
