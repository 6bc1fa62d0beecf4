// Typing a password: when the echo is off, what counts as a line, and how typing ends.

import { expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import { typedWithoutEcho } from './password.ts';

/** A terminal as far as typing needs one: it writes down the order of what happens to it. */
class RecordedTerminal {
  readonly events: string[] = [];
  #listener: ((chunk: string) => void) | undefined;
  setRawMode = (isRaw: boolean) => this.events.push(isRaw ? 'echo off' : 'echo on');
  setEncoding = () => undefined;
  resume = () => undefined;
  pause = () => undefined;
  on = (_event: 'data', listener: (chunk: string) => void) => {
    this.#listener = listener;
  };
  off = () => {
    this.#listener = undefined;
  };
  write = (text: string) => this.events.push(text);
  type = (text: string) => this.#listener?.(text);
}

test('the echo is off before a prompt appears, and stays off between two', async () => {
  const terminal = new RecordedTerminal();
  const answers = typedWithoutEcho(terminal, terminal, ['Password: ', 'Once more: ']);
  terminal.type('one\r');
  terminal.type('two\r');
  expect(await answers).toEqual(['one', 'two']);
  expect(terminal.events).toEqual(['echo off', 'Password: ', '\n', 'Once more: ', '\n', 'echo on']);
});

test('both lines may come at once, a character may be erased, and pieces join', async () => {
  const terminal = new RecordedTerminal();
  const pasted = typedWithoutEcho(terminal, terminal, ['Password: ', 'Once more: ']);
  terminal.type('same\nsame\n');
  expect(await pasted).toEqual(['same', 'same']);
  const corrected = typedWithoutEcho(terminal, terminal, ['Password: ']);
  for (const part of ['ab', 'c鸿\u007f', '\b', 'd\r']) terminal.type(part);
  expect(await corrected).toEqual(['abd']);
});

test('Ctrl-C and Ctrl-D end typing, with the echo on again', async () => {
  for (const key of ['\u0003', '\u0004']) {
    const terminal = new RecordedTerminal();
    const answers = typedWithoutEcho(terminal, terminal, ['Password: ']);
    terminal.type(`half${key}`);
    expect(String(await rejectionOf(answers))).toContain('interrupted');
    expect(terminal.events.at(-1)).toBe('echo on');
  }
});
