// Passwords as a person or a script gives them: typed without echo, or a line of standard input; never an argument, which every process on the machine can see.

import { createInterface } from 'node:readline';

/** Asked on the terminal without echo, or the next line when standard input is none. Rejects when there is nothing more to read. */
export async function readPassword(prompt: string): Promise<string> {
  if (process.stdin.isTTY) return typed(prompt);
  const line = await nextLine();
  if (line === undefined) throw new Error('standard input ended where a password was to come');
  return line;
}

/** Typed twice on a terminal, so that a slip of the hand locks nobody out. */
export async function readNewPassword(prompt: string): Promise<string> {
  const password = await readPassword(`${prompt}: `);
  if (process.stdin.isTTY && (await readPassword('Once more: ')) !== password) {
    throw new Error('the two passwords differ');
  }
  return password;
}

/** 16 characters, 96 bits. */
export const randomPassword = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('base64url');

let lines: AsyncIterator<string> | undefined;

async function nextLine(): Promise<string | undefined> {
  lines ??= createInterface({ input: process.stdin, terminal: false })[Symbol.asyncIterator]();
  const next = await lines.next();
  return next.done ? undefined : next.value;
}

const interrupt = '\u0003';
const endOfInput = '\u0004';
const erase = ['\u007f', '\b'];

/** The prompt goes to stderr: stdout stays what the command prints. */
function typed(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (settle: () => void) => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    };
    function take(chunk: string): void {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return finish(() => resolve(text));
        if (character === interrupt || character === endOfInput) return finish(() => reject(new Error('interrupted')));
        text = erase.includes(character) ? [...text].slice(0, -1).join('') : text + character;
      }
    }
    stdin.on('data', take);
  });
}
