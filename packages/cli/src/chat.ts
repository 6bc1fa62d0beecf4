// hongyan chat: reads the flags and the password, then runs the chat of apps/terminal.

import { hostname } from 'node:os';
import type { DeviceId } from '@hongyan/client';
import { userIdPattern } from '@hongyan/protocol/ids';
import { version } from '@hongyan/server/compose/version';
import { chat as runChat } from '@hongyan/terminal/chat';
import { chatCommands } from '@hongyan/terminal/commands';
import { type Command, UsageError } from './command.ts';
import { readNewPassword, readPassword } from './password.ts';
import { serverUrl } from './server-url.ts';
import { stopSignal } from './stop-signal.ts';

const urlDefault = 'http://127.0.0.1:8080';

export const chat: Command = {
  name: 'chat',
  usage: 'chat --user <user_id>',
  summary: 'Chat in the terminal, or through a pipe',
  details: `The password is read from a prompt on the terminal, or from HONGYAN_PASSWORD; a pipe needs the latter.
In a pipe each line is a message, or a command where it starts with /; a message that does starts with //. The chat ends
with its input once every message is acknowledged, or with the reader of its output. It ends at a line that goes nowhere
or is no command, and exits with status 1 and the reason if anything could not be done. NO_COLOR switches colours off.
A terminal marks as read what it shows, where nothing unread before it was left out; a pipe marks nothing but by /read.

Commands:
${Object.values(chatCommands)
  .map(({ usage, summary }) => `  ${usage.padEnd(33)}${summary}`)
  .join('\n')}`,
  values: {
    url: { placeholder: 'url', description: `The server. Default: ${urlDefault}` },
    user: { placeholder: 'user_id', description: 'The user id to log in with' },
    to: {
      placeholder: 'user_id | conversation_id | title',
      description:
        'The conversation to open at the start. A user id always means that user; a title is used if no such user exists and only one conversation has it',
    },
    device: {
      placeholder: 'device_id',
      description:
        'Device id of this terminal; each open terminal of a user needs a different one. Default: terminal-<host name>',
    },
    state: {
      placeholder: 'file',
      description:
        'File for the conversations, messages and unsent messages of one user and device, shown also while the server is unreachable. Default: nothing is stored',
    },
  },
  examples: ['hongyan chat --user alice --to bob', 'echo "backup done" | hongyan chat --user ops --to "Night shift"'],
  switches: { 'sign-up': 'Create the account first' },
  options: [],
  async run({ switches, values, env }) {
    const url = serverUrl(values.get('url') ?? urlDefault);
    const userId = idOf('user', values.get('user'));
    const deviceId = idOf('device', values.get('device') ?? ownDeviceId()) as DeviceId;
    const password = env.HONGYAN_PASSWORD ?? (await askPassword(userId, switches.has('sign-up')));
    return runChat({
      ...{ url, userId, password, deviceId },
      stateFile: values.get('state'),
      isSignup: switches.has('sign-up'),
      clientName: `hongyan-chat/${version}`,
      to: values.get('to'),
      isColoured: (env.NO_COLOR ?? '') === '',
      stopSignal,
    });
  },
};

function idOf(what: 'user' | 'device', id: string | undefined): string {
  if (id !== undefined && new RegExp(userIdPattern).test(id)) return id;
  throw new UsageError(
    `give a ${what} id of 1 to 64 letters, digits, _ . @ -: --${what} ${what === 'user' ? 'alice' : 'desk'}`,
  );
}

/** Stable across starts, because the server stores positions per device. */
const ownDeviceId = (): string => `terminal-${hostname().replace(/[^A-Za-z0-9_.@-]/g, '-')}`.slice(0, 64);

function askPassword(userId: string, isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError('standard input is not a terminal: give the password in HONGYAN_PASSWORD');
  return isNew ? readNewPassword(`Password of ${userId}`) : readPassword(`Password of ${userId}: `);
}
