// Passwords as a person or a script gives them: typed without echo, or lines of standard input; never an argument, which every process of the machine can see.

import { createInterface } from 'node:readline';

/** One for each prompt: typed on the terminal, else the next lines of standard input. Rejects when there are too few. */
export async function readPasswords(prompts: readonly string[]): Promise<readonly string[]> {
  if (process.stdin.isTTY) return typedWithoutEcho(process.stdin, process.stderr, prompts);
  const passwords: string[] = [];
  for (const _prompt of prompts) passwords.push(await nextLine());
  return passwords;
}

export async function readPassword(prompt: string): Promise<string> {
  const [password = ''] = await readPasswords([prompt]);
  return password;
}

/** Typed twice on a terminal, so that a slip does not lock the user out. */
export async function readNewPassword(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return nextLine();
  const [password = '', again] = await readPasswords([`${prompt}: `, 'Once more: ']);
  if (password !== again) throw new Error('the two passwords differ; run the command again');
  return password;
}

/** 16 characters, 96 bits. */
export const randomPassword = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('base64url');

/** What typing needs of process.stdin. */
export interface TypedInput {
  setRawMode(isRaw: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: 'data', listener: (chunk: string) => void): unknown;
  off(event: 'data', listener: (chunk: string) => void): unknown;
}

/** Prompts go to stderr: stdout is for what the command prints. */
export interface PromptOutput {
  write(text: string): unknown;
}

/** The echo is off before the first prompt appears and until the last answer is complete: nothing typed is ever shown. */
export async function typedWithoutEcho(
  input: TypedInput,
  output: PromptOutput,
  prompts: readonly string[],
): Promise<readonly string[]> {
  const answers = new Answers(prompts, output);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const take = (chunk: string): void => {
    const state = answers.take(chunk);
    if (state === 'complete') resolve();
    else if (state === 'interrupted') reject(new Error('interrupted'));
  };
  input.setRawMode(true);
  try {
    input.setEncoding('utf8');
    input.on('data', take);
    input.resume();
    answers.ask();
    await promise;
    return answers.lines;
  } finally {
    input.off('data', take);
    input.pause();
    input.setRawMode(false);
  }
}

const interrupt = '\u0003';
const endOfInput = '\u0004';
const erase = ['\u007f', '\b'];

/** The lines typed so far; a raw terminal leaves erasing and the end of a line to its reader. */
class Answers {
  readonly lines: string[] = [];
  readonly #prompts: readonly string[];
  readonly #output: PromptOutput;
  #text = '';

  constructor(prompts: readonly string[], output: PromptOutput) {
    this.#prompts = prompts;
    this.#output = output;
  }

  /** Shows the prompt of the next line. */
  ask(): void {
    this.#output.write(this.#prompts[this.lines.length] ?? '');
  }

  take(chunk: string): 'incomplete' | 'complete' | 'interrupted' {
    for (const character of chunk) {
      if (character === interrupt || character === endOfInput) {
        this.#output.write('\n');
        return 'interrupted';
      }
      if (character !== '\r' && character !== '\n') {
        this.#text = erase.includes(character) ? [...this.#text].slice(0, -1).join('') : this.#text + character;
        continue;
      }
      this.lines.push(this.#text);
      this.#text = '';
      this.#output.write('\n');
      if (this.lines.length === this.#prompts.length) return 'complete';
      this.ask();
    }
    return 'incomplete';
  }
}

let lines: AsyncIterator<string> | undefined;

async function nextLine(): Promise<string> {
  lines ??= createInterface({ input: process.stdin, terminal: false })[Symbol.asyncIterator]();
  const next = await lines.next();
  if (next.done) throw new Error('standard input ended: give each password or secret on a line of its own');
  return next.value;
}
