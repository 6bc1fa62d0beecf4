// hongyan user list: the users of the server, by id.

import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import type { DirectoryReader } from '@hongyan/server/ports/directory/directory';
import type { UserRecord } from '@hongyan/server/ports/directory/users';
import { printable } from '@hongyan/terminal/printable';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';
import { readOptions } from './store-options.ts';
import { timeOf } from './text.ts';

/** Read and printed at once: a folder may have more users than memory. */
const pageSize = 500;
const idWidth = 24;

export const userList: Command = {
  name: 'user list',
  usage: 'user list',
  summary: 'List the users by id, with creation time and name',
  switches: { json: 'Print a JSON object for each user, a line each' },
  options: readOptions,
  async run({ config, switches }) {
    const lineOf = switches.has('json') ? jsonLine : textLine;
    const stores = await openCommandStores(config);
    await stores.withDirectoryReader(async (directory) => {
      for await (const page of pagesOf(directory)) printLine(page.map(lineOf).join('\n'));
    });
    return 0;
  },
};

async function* pagesOf(directory: DirectoryReader): AsyncGenerator<readonly UserRecord[]> {
  let page = await directory.listUsers({ limit: pageSize });
  while (page.length > 0) {
    yield page;
    const after = page.at(-1)?.userId;
    page = await directory.listUsers({ limit: pageSize, ...(after === undefined ? {} : { after }) });
  }
}

const textLine = ({ userId, displayName, createdAtMs, isDisabled }: UserRecord): string =>
  `${userId.padEnd(idWidth)}  ${timeOf(createdAtMs)}  ${printable(displayName)}${isDisabled ? '  (disabled)' : ''}`;

const jsonLine = ({ userId, displayName, createdAtMs, isDisabled = false }: UserRecord): string =>
  JSON.stringify({ user_id: userId, display_name: displayName, created_at: createdAtMs, disabled: isDisabled });
