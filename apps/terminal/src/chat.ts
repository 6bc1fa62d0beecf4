// A chat in the terminal, on the client library; in a pipe, lines in are messages and lines out are plain.

import { createInterface, type Interface } from 'node:readline';
import { sleep, systemClock } from '@hongyan/base/clock';
import { type Client, ClientError, createClient, type DeviceId, login, signup } from '@hongyan/client';
import { createBunSqliteStorage } from '@hongyan/client/bun-sqlite-storage';
import { type ChatDeps, chatCommands, open, runCommand } from './commands.ts';
import { ConversationScreen } from './conversation-screen.ts';
import { Login } from './login.ts';
import { Names } from './names.ts';
import { PipeOutput } from './output.ts';
import { printable } from './printable.ts';
import { createPlainScreen, createTerminalScreen } from './screen.ts';

/** How long a pipe waits for a message to be acknowledged, before its next line and at its end. */
const ackWaitMs = 30_000;
/** A person who leaves waits less. */
const leaveWaitMs = 2_000;

export interface ChatOptions {
  readonly url: string;
  readonly userId: string;
  readonly password: string;
  /** Creates the account first. */
  readonly isSignup: boolean;
  readonly deviceId: DeviceId;
  /** Keeps conversations, messages and the outbox from run to run, and shows them while the server cannot be reached. */
  readonly stateFile: string | undefined;
  readonly clientName: string;
  /** The conversation to open at once: the id of a user, its own id, or its title. */
  readonly to: string | undefined;
  readonly isColoured: boolean;
  /** Called once the chat has logged in: from then on a signal to the process lets it finish. */
  readonly stopSignal: () => AbortSignal;
}

/** Runs until standard input ends, the reader of a pipe leaves, or a signal comes. Resolves with the exit code; rejects with what could not be done. */
export async function chat({ url, userId, password, isSignup, ...options }: ChatOptions): Promise<number> {
  const account = { url, userId, password };
  const { deviceId, clientName, stateFile } = options;
  const storage = stateFile === undefined ? undefined : openState(stateFile);
  const tokens = new Login(account, systemClock);
  try {
    const grant = await (isSignup ? signup(account) : login(account)).catch(async (error: unknown) => {
      if (!(error instanceof ClientError)) throw error;
      if (error.code === 'unavailable' && (await storage?.load())?.meta.userId === userId) return undefined;
      throw new Error(`${url}: ${printable(error.message)}`);
    });
    if (grant !== undefined) tokens.take(grant);
    const client = createClient({
      url,
      token: () => tokens.token(),
      deviceId,
      clientName,
      ...(storage ? { storage } : {}),
    });
    return await converse(client, { ...options, isOffline: grant === undefined });
  } finally {
    storage?.close();
    await tokens.revoke();
  }
}

function openState(path: string): ReturnType<typeof createBunSqliteStorage> {
  try {
    return createBunSqliteStorage(path);
  } catch (cause) {
    // SQLite's own words name no file.
    throw new Error(`--state ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

interface ConverseOptions extends Pick<ChatOptions, 'to' | 'isColoured' | 'stateFile' | 'stopSignal'> {
  /** Begins with what is kept; the connection follows when there is one. */
  readonly isOffline: boolean;
}

async function converse(client: Client, options: ConverseOptions): Promise<number> {
  const { to, isColoured, stateFile, stopSignal, isOffline } = options;
  const { stdin, stdout } = process;
  const isWatched = stdin.isTTY === true && stdout.isTTY === true;
  // A dumb one, as in an editor, cannot write above the prompt.
  const isTerminal = isWatched && process.env.TERM !== 'dumb';
  const lines = createInterface({
    input: stdin,
    ...(isTerminal ? { output: stdout, completer: complete } : {}),
    terminal: isTerminal,
  });
  const output = new PipeOutput(stdout);
  const screen = isTerminal
    ? createTerminalScreen({ lines, input: stdin, output: stdout, isColoured })
    : createPlainScreen((text) => output.write(text));
  const names = new Names(client, { isShown: isTerminal });
  const shown = new ConversationScreen({ client, screen, clock: systemClock, names, isWatched });
  const deps = { client, screen, shown, names };
  const ended = endOf(client);
  // Taken before anything is waited for: a pipe's lines do not wait for a listener.
  const typed = lines[Symbol.asyncIterator]();
  // Ctrl-C and signals end it also while there is no connection; the end of the input once what was typed is done.
  const left = new Promise<void>((resolve) => {
    lines.once('SIGINT', resolve);
    stopSignal().addEventListener('abort', () => resolve());
  });
  const connected = client.connect();
  connected.catch(() => {}); // once the chat has begun, `ended` follows the client's state
  const talk = async () => {
    await (isOffline ? Promise.race([connected, firstAttempt(client)]) : connected);
    await patiently(client, () => (to === undefined ? runCommand(deps, '/list') : open(deps, to)));
    shown.prompt();
    if (isTerminal) tellTyping(lines, client, shown);
    return readLines(typed, deps);
  };
  try {
    const code = await Promise.race([talk(), ended, output.closed, left]);
    return code ?? (await outboxEmpty(client, { isTerminal, stateFile }));
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

/** Resolves when the first attempt to connect has failed. */
function firstAttempt(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.on('state', ({ type }) => {
      if (type !== 'reconnecting') return;
      stop();
      resolve();
    });
  });
}

/** Does what only reads; when the connection is lost meanwhile, once more when it is back. */
async function patiently(client: Client, read: () => Promise<void> | void): Promise<void> {
  for (;;) {
    const wasOnline = client.state.type === 'online';
    try {
      return await read();
    } catch (error) {
      const isLost = wasOnline && client.state.type !== 'online';
      if (!isLost || !(error instanceof ClientError) || error.code !== 'unavailable') throw error;
      await online(client);
    }
  }
}

/** Resolves when the client is online; never, when it is closed before. */
function online(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const tell = () => {
      if (client.state.type !== 'online') return;
      stop();
      resolve();
    };
    const stop = client.on('state', tell);
    tell();
  });
}

/**
 * Each line is done before the next is read. What cannot be done is shown to whoever looks, and the chat goes on; a script, whose
 * later lines may rest on it, ends.
 */
async function readLines(typed: AsyncIterator<string>, deps: ChatDeps): Promise<undefined> {
  const { client, screen, shown } = deps;
  let number = 0;
  for (let next = await typed.next(); !next.done; next = await typed.next()) {
    number += 1;
    const line = next.value.trim();
    if (line === '/quit') return undefined;
    try {
      if (line.startsWith('/') && !line.startsWith('//')) {
        screen.echo(printable(line));
        await runCommand(deps, line);
      } else if (line !== '') await send(line.startsWith('//') ? line.slice(1) : line);
    } catch (error) {
      const reason = printable(error instanceof Error ? error.message : String(error));
      if (!shown.isWatched) throw new Error(`line ${number}: ${reason}`, { cause: error });
      shown.notice(reason);
    }
    shown.prompt();
  }
  return undefined;

  async function send(text: string): Promise<void> {
    const { open: conversationId } = shown;
    if (conversationId === undefined) {
      screen.echo(printable(text));
      throw new Error('open a conversation first: /list, /open, /new');
    }
    // Its mark shows the outcome, a refusal too.
    const sent = client.send({ conversationId }, { type: 'text', text }).catch(() => {});
    // The next line of a script may depend on this one; a person types on.
    if (screen.kind === 'plain') await Promise.race([sent, sleep(systemClock, { delayMs: ackWaitMs })]);
  }
}

/** 0 once everything is acknowledged. Rejects when messages wait for too long, unless a next run of the terminal sends them, and in a pipe when some were refused. */
async function outboxEmpty(
  client: Client,
  { isTerminal, stateFile }: { readonly isTerminal: boolean; readonly stateFile: string | undefined },
): Promise<number> {
  const until = systemClock.monotonicMs() + (isTerminal ? leaveWaitMs : ackWaitMs);
  const waiting = () => client.outbox().filter(({ status }) => status === 'queued').length;
  const isWorthIt = () => !isTerminal || client.state.type === 'online';
  while (waiting() > 0 && isWorthIt() && systemClock.monotonicMs() < until) await sleep(systemClock, { delayMs: 10 });
  const left = waiting();
  if (left > 0 && !(isTerminal && stateFile !== undefined))
    throw new Error(`not sent: ${left} of your messages; ${whatOfThem(stateFile)}`);
  if (!isTerminal) tellRefused(client);
  return 0;
}

/** Throws with what the server refused, which is told once: no later run would send it. */
function tellRefused(client: Client): void {
  const refused = client.outbox().filter(({ status }) => status === 'failed');
  for (const { clientMsgId } of refused) client.discard(clientMsgId);
  const last = refused.at(-1);
  if (last === undefined) return;
  const were = refused.length === 1 ? 'was' : 'were';
  throw new Error(
    `not sent: ${refused.length} of your messages ${were} refused: ${printable(last.error?.message ?? '')}`,
  );
}

const whatOfThem = (stateFile: string | undefined): string =>
  stateFile === undefined ? 'with --state <file> the next run would send what waits' : 'the next run sends what waits';

function tellTyping(lines: Interface, client: Client, shown: ConversationScreen): void {
  process.stdin.on('keypress', () => {
    if (shown.open !== undefined && lines.line !== '' && !lines.line.startsWith('/')) client.typing(shown.open);
  });
}

function complete(line: string): [string[], string] {
  const hits = Object.keys(chatCommands).filter((name) => line.startsWith('/') && name.startsWith(line));
  return [hits, line];
}
