// hongyan key create, list and revoke: the API keys by which an application's back end uses the server.

import { systemClock } from '@hongyan/base/clock';
import { type ApiKeyScope, apiKeyScopes } from '@hongyan/protocol/api-key';
import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { type ApiKeyRecord, apiKeyNameCharsMax, apiKeysMax } from '@hongyan/server/ports/access/api-keys';
import { createApiKey } from '@hongyan/server/ports/access/new-key';
import { printable } from '@hongyan/terminal/printable';
import { type Command, UsageError } from './command.ts';
import { printLine } from './print-line.ts';
import { readOptions } from './store-options.ts';
import { table, timeOf } from './text.ts';

const json = { json: 'Print JSON for programs' };

export const keyCreate: Command = {
  name: 'key create',
  usage: 'key create <name>',
  summary: 'Create an API key and print it, also for a running server',
  details: `The key is printed once: the server stores only a hash of its secret.\nScopes: ${apiKeyScopes.join(', ')}.`,
  examples: ['hongyan key create "shop back end" --scopes tokens:mint,users:manage,messages:send'],
  values: { scopes: { placeholder: 'list', description: 'Scopes of the key, separated by commas' } },
  switches: json,
  options: readOptions,
  async run({ config, words, values, switches }) {
    const [name = ''] = words;
    if (words.length !== 1 || name.trim() === '' || name.length > apiKeyNameCharsMax)
      throw new UsageError(
        `give the key a name of at most ${apiKeyNameCharsMax} characters: hongyan key create "shop"`,
      );
    const scopes = scopesOf(values.get('scopes'));
    const stores = await openCommandStores(config);
    const made = await stores.withAccess((access) =>
      createApiKey(access, { name, scopes, nowMs: systemClock.nowMs() }),
    );
    if (made.type !== 'created')
      throw new Error(
        made.type === 'full'
          ? `there are already ${apiKeysMax} keys: revoke one first`
          : 'the new id is taken: try again',
      );
    const { key } = made;
    const { keyId } = made.record;
    printLine(switches.has('json') ? JSON.stringify({ key_id: keyId, name, scopes, key }) : key);
    if (!switches.has('json')) console.error(`created ${keyId}; the key above is shown only once`);
    return 0;
  },
};

export const keyList: Command = {
  name: 'key list',
  usage: 'key list',
  summary: 'List the API keys, oldest first, with their scopes and the time of their last use',
  switches: { json: 'Print a JSON object for each key, a line each' },
  options: readOptions,
  async run({ config, switches }) {
    const stores = await openCommandStores(config);
    const keys = await stores.withExistingAccess((access) => access.listKeys());
    if (switches.has('json')) for (const key of keys) printLine(JSON.stringify(jsonOf(key)));
    else if (keys.length === 0) printLine('no keys; create one with hongyan key create <name> --scopes <list>');
    else printLine(table(['key', 'created', 'last used', 'name', 'scopes'], keys.map(rowOf)));
    return 0;
  },
};

export const keyRevoke: Command = {
  name: 'key revoke',
  usage: 'key revoke <key_id>',
  summary: 'Revoke an API key, at once',
  details: 'The id is the part of the key between its two underscores.\nExits with status 1 if there is no such key.',
  options: readOptions,
  async run({ config, words }) {
    const [given = ''] = words;
    if (words.length !== 1 || given === '') throw new UsageError('give the id of one key: hongyan key list shows them');
    const stores = await openCommandStores(config);
    const isRevoked = await stores.withExistingAccess((access) => access.revokeKey(given));
    if (!isRevoked) throw new Error(`there is no key ${given}: hongyan key list shows the ids`);
    printLine(`revoked ${given}`);
    return 0;
  },
};

function scopesOf(given = ''): readonly ApiKeyScope[] {
  const words = given.split(/[\s,]+/).filter((word) => word !== '');
  const unknown = words.find((word) => !apiKeyScopes.includes(word as ApiKeyScope));
  if (unknown !== undefined || words.length === 0)
    throw new UsageError(
      `${unknown === undefined ? '--scopes is required' : `unknown scope ${unknown}`}: choose from ${apiKeyScopes.join(', ')}`,
    );
  return [...new Set(words)] as ApiKeyScope[];
}

const rowOf = ({ keyId, name, scopes, createdAtMs, lastUsedAtMs }: ApiKeyRecord): readonly string[] => [
  keyId,
  timeOf(createdAtMs).slice(0, 16),
  lastUsedAtMs === undefined ? 'never' : timeOf(lastUsedAtMs).slice(0, 16),
  printable(name),
  scopes.join(' '),
];

const jsonOf = ({ keyId, name, scopes, createdAtMs, lastUsedAtMs }: ApiKeyRecord) => ({
  key_id: keyId,
  name,
  scopes,
  created_at: createdAtMs,
  ...(lastUsedAtMs === undefined ? {} : { last_used_at: lastUsedAtMs }),
});
