// hongyan chat: a chat in the terminal, on the client library; in a pipe, lines in are messages and lines out are plain.

import { hostname } from 'node:os';
import { createInterface, type Interface } from 'node:readline';
import { type Clock, sleep, systemClock } from '@hongyan/base/clock';
import { type Client, ClientError, createClient, type DeviceId, login, signup } from '@hongyan/client';
import { userIdPattern } from '@hongyan/protocol/ids';
import { version } from '../compose/version.ts';
import { chatCommands, open, runCommand } from './chat/commands.ts';
import { ConversationScreen } from './chat/conversation-screen.ts';
import { createPlainScreen, createTerminalScreen, type Screen } from './chat/screen.ts';
import { type Command, UsageError } from './command.ts';
import { readNewPassword, readPassword } from './password.ts';
import { printable } from './text.ts';

const urlDefault = 'http://127.0.0.1:8080';
/** How long a pipe waits for a message to be acknowledged, before its next line and at its end. */
const ackWaitMs = 30_000;

export const chat: Command = {
  name: 'chat',
  usage: 'chat --user <user_id>',
  summary: 'Chat in the terminal, or through a pipe',
  details: `The password is asked for on the terminal, or taken from HONGYAN_PASSWORD; a pipe needs the latter.
In a pipe each line is a message, or a command: it ends with its input, once all is acknowledged, and leaves with 1
when something could not be sent. Colours are for terminals without NO_COLOR.

Commands:
${Object.values(chatCommands)
  .map(({ usage, summary }) => `  ${usage.padEnd(33)}${summary}`)
  .join('\n')}`,
  values: {
    url: { placeholder: 'url', description: `The server. Default: ${urlDefault}` },
    user: { placeholder: 'user_id', description: 'Who you are' },
    to: { placeholder: 'user_id | title', description: 'The conversation to open at once' },
    device: {
      placeholder: 'device_id',
      description: 'The device this terminal is; two at a time need two. Default: terminal-<name of the machine>',
    },
  },
  switches: { 'sign-up': 'Create the account first' },
  options: [],
  async run({ switches, values, env }) {
    const url = (values.get('url') ?? urlDefault).replace(/\/+$/, '');
    const userId = idOf('user', values.get('user'));
    const deviceId = idOf('device', values.get('device') ?? ownDeviceId()) as DeviceId;
    const password = env.HONGYAN_PASSWORD ?? (await askPassword(userId, switches.has('sign-up')));
    const account = { url, userId, password };
    const grant = await (switches.has('sign-up') ? signup(account) : login(account)).catch((error: unknown) => {
      throw error instanceof ClientError ? new Error(`${url}: ${error.message}`) : error;
    });
    const token = renewing(account, grant);
    const client = createClient({ url, token, deviceId, clientName: `hongyan-chat/${version}` });
    return converse(client, { to: values.get('to'), isColoured: (env.NO_COLOR ?? '') === '' });
  },
};

function idOf(what: 'user' | 'device', id: string | undefined): string {
  if (id !== undefined && new RegExp(userIdPattern).test(id)) return id;
  throw new UsageError(
    `give a ${what} id of 1 to 64 letters, digits, _ . @ -: --${what} ${what === 'user' ? 'alice' : 'desk'}`,
  );
}

/** The same at each start: the server keeps positions per device, and would keep those of a new one for ever. */
const ownDeviceId = (): string => `terminal-${hostname().replace(/[^A-Za-z0-9_.@-]/g, '-')}`.slice(0, 64);

function askPassword(userId: string, isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError('in a pipe the password comes from HONGYAN_PASSWORD');
  return isNew ? readNewPassword(`Password of ${userId}`) : readPassword(`Password of ${userId}: `);
}

/** Logs in again when half of the token's life is over, so that a terminal left open goes on. */
function renewing(
  account: Parameters<typeof login>[0],
  first: Awaited<ReturnType<typeof login>>,
  clock: Clock = systemClock,
) {
  let grant = first;
  let grantedAtMs = clock.monotonicMs();
  return async (): Promise<string> => {
    if (clock.monotonicMs() - grantedAtMs > (grant.expires_in * 1000) / 2) {
      grant = await login(account);
      grantedAtMs = clock.monotonicMs();
    }
    return grant.access_token;
  };
}

interface ConverseOptions {
  readonly to: string | undefined;
  readonly isColoured: boolean;
}

async function converse(client: Client, { to, isColoured }: ConverseOptions): Promise<number> {
  const { stdin, stdout } = process;
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
  const lines = createInterface({
    input: stdin,
    ...(isTerminal ? { output: stdout, completer: complete } : {}),
    terminal: isTerminal,
  });
  const screen = isTerminal
    ? createTerminalScreen({ lines, output: stdout, isColoured })
    : createPlainScreen((text) => stdout.write(text));
  const shown = new ConversationScreen({ client, screen, clock: systemClock });
  const deps = { client, screen, shown };
  const ended = endOf(client);
  // Taken before anything is waited for: a pipe's lines do not wait for a listener.
  const typed = lines[Symbol.asyncIterator]();
  await client.connect();
  if (to === undefined) await runCommand(deps, '/list');
  else await open(deps, to);
  shown.prompt();
  if (isTerminal) tellTyping(lines, client, shown);
  try {
    const code = await Promise.race([readLines(typed, deps), ended]);
    return code ?? (await outboxEmpty(client, screen));
  } finally {
    lines.close();
    await client.close();
  }
}

/** Resolves with the exit code when the client is closed for good by the server. */
function endOf(client: Client): Promise<number> {
  return new Promise((resolve) => {
    client.on('state', (state) => {
      if (state.type === 'closed' && state.reason !== 'on_purpose') resolve(1);
    });
  });
}

/** Each line is done before the next is read; what fails is shown, and the chat goes on. */
async function readLines(
  typed: AsyncIterator<string>,
  deps: { readonly client: Client; readonly screen: Screen; readonly shown: ConversationScreen },
): Promise<undefined> {
  const { client, screen, shown } = deps;
  for (let next = await typed.next(); !next.done; next = await typed.next()) {
    const line = next.value.trim();
    if (line === '/quit') return undefined;
    try {
      if (line.startsWith('/') && !line.startsWith('//')) await runCommand(deps, line);
      else if (line !== '') await say(line.startsWith('//') ? line.slice(1) : line);
    } catch (error) {
      shown.notice(printable(error instanceof Error ? error.message : String(error)));
    }
    shown.prompt();
  }
  return undefined;

  async function say(text: string): Promise<void> {
    const { open: conversationId } = shown;
    if (conversationId === undefined) throw new Error('open a conversation first: /list, /open, /new');
    screen.eraseTyped(text);
    // How it went is told by its mark; a refusal is shown there too.
    const sent = client.send({ conversationId }, { type: 'text', text }).catch(() => {});
    // A script's next line may ask for what this one did; a person types on.
    if (screen.kind === 'plain') await Promise.race([sent, sleep(systemClock, { delayMs: ackWaitMs })]);
  }
}

/** 0 once everything is acknowledged, 1 when something failed or waits for too long. */
async function outboxEmpty(client: Client, { kind }: Screen): Promise<number> {
  if (kind === 'terminal') return 0;
  const until = systemClock.monotonicMs() + ackWaitMs;
  const waiting = () => client.outbox().filter(({ status }) => status === 'queued').length;
  while (waiting() > 0 && systemClock.monotonicMs() < until) await sleep(systemClock, { delayMs: 10 });
  return client.outbox().length === 0 ? 0 : 1;
}

function tellTyping(lines: Interface, client: Client, shown: ConversationScreen): void {
  process.stdin.on('keypress', () => {
    if (shown.open !== undefined && lines.line !== '' && !lines.line.startsWith('/')) client.typing(shown.open);
  });
}

function complete(line: string): [string[], string] {
  const hits = Object.keys(chatCommands).filter((name) => line.startsWith('/') && name.startsWith(line));
  return [hits, line];
}
