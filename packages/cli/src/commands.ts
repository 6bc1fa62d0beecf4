// Every command of the command line, in the order of the general help, and how one is found by its words.

import { distance } from 'fastest-levenshtein';
import { backup } from './backup.ts';
import { bench } from './bench.ts';
import { benchDevices } from './bench-devices.ts';
import { chat } from './chat.ts';
import { checkConfig } from './check-config.ts';
import type { Command, CommandGroup } from './command.ts';
import { devicesCount, devicesList } from './devices.ts';
import { inspect } from './inspect.ts';
import { keyCreate, keyList, keyRevoke } from './key.ts';
import { logLevel } from './log-level.ts';
import { migrate } from './migrate.ts';
import { drain, nodes } from './nodes.ts';
import { noticeCommands } from './notice.ts';
import { profileList } from './profile-list.ts';
import { profileShow } from './profile-show.ts';
import { profileTake } from './profile-take.ts';
import { reload } from './reload.ts';
import { restore } from './restore.ts';
import { roll } from './roll.ts';
import { secretRotate } from './secret-rotate.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { taskCommands } from './task.ts';
import { token } from './token.ts';
import { userAdd } from './user-add.ts';
import { userList } from './user-list.ts';
import { userPasswd } from './user-passwd.ts';
import { userTier } from './user-tier.ts';
import { versionCommand } from './version.ts';
import { webhookCommands } from './webhook.ts';

const users: CommandGroup = {
  title: 'Users',
  name: 'user',
  commands: [userAdd, userList, userPasswd, userTier],
};

const keys: CommandGroup = {
  title: "API keys for an application's back end",
  name: 'key',
  summary: "API keys for an application's back end: create, list, revoke",
  commands: [keyCreate, keyList, keyRevoke],
};

const secrets: CommandGroup = { title: 'The secret that signs tokens', name: 'secret', commands: [secretRotate] };

const webhooks: CommandGroup = {
  title: 'Webhooks of a running server',
  name: 'webhook',
  summary: 'Endpoints that receive events: add, list, show, test, replay, rotate, …',
  commands: webhookCommands,
};

const profiles: CommandGroup = {
  title: 'Profiles of a running server',
  name: 'profile',
  summary: 'CPU and heap profiles: list, take, show',
  commands: [profileList, profileTake, profileShow],
};

const devices: CommandGroup = {
  title: 'Registered devices',
  name: 'devices',
  summary: 'Registered devices: list, count by model and firmware',
  commands: [devicesList, devicesCount],
};

const tasks: CommandGroup = {
  title: 'Tasks of a running server that are done later',
  name: 'task',
  summary: 'Background tasks: counts, dead letters, replay',
  commands: taskCommands,
};

const namedGroups: readonly CommandGroup[] = [users, keys, secrets, webhooks, profiles, devices, tasks];

export const groups: readonly CommandGroup[] = [
  {
    title: 'Server',
    commands: [
      start,
      status,
      logLevel,
      reload,
      roll,
      ...noticeCommands,
      nodes,
      drain,
      migrate,
      backup,
      restore,
      checkConfig,
      secretRotate,
      benchDevices,
      bench,
      versionCommand,
    ],
  },
  { ...profiles, title: 'Server' },
  { ...users, commands: [...users.commands, token] },
  { ...keys, title: users.title },
  { ...devices, title: users.title },
  { title: 'Messages', commands: [chat, inspect] },
  { ...webhooks, title: 'Messages' },
  { ...tasks, title: 'Messages' },
];

export const examples: readonly string[] = [
  'hongyan start --demo',
  'hongyan user add alice --random-password',
  'hongyan chat --user alice --to bob',
];

const commands: readonly Command[] = groups.flatMap((group) => group.commands);

/** The command that `words` begin with. */
export const commandNamed = (words: readonly string[]): Command | undefined =>
  commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));

/** The commands whose first word of two is `word`. */
export const groupNamed = (word: string): CommandGroup | undefined => namedGroups.find(({ name }) => name === word);

/**
 * The name nearest to what was typed: two words are compared with two, so that "user ad" is near "user add". undefined where more
 * than half of each name differs.
 */
export function nearestName(words: readonly string[]): string | undefined {
  const distanceOf = ({ name }: Command): number => distance(words.slice(0, name.split(' ').length).join(' '), name);
  const nearest = commands.reduce((best, command) => (distanceOf(command) < distanceOf(best) ? command : best));
  return distanceOf(nearest) <= nearest.name.length / 2 ? nearest.name : undefined;
}
