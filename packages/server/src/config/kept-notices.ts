// The notices in force, in the data folder: a restart takes none away.

import { readFile } from 'node:fs/promises';
import { type Notice, NoticeSchema } from '@hongyan/protocol/notice';
import { checkShape } from '@hongyan/protocol/parse';
import Type from 'typebox';
import { writePrivateFile } from '../files/private-file.ts';
import { dataLayout } from './data-layout.ts';

const KeptSchema = Type.Array(NoticeSchema);

/** Rejects for a file that is none, and says what to do. */
export async function readNotices(data: string): Promise<readonly Notice[]> {
  const path = dataLayout(data).notices;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const checked = checkShape<readonly Notice[]>(KeptSchema, JSON.parse(text), 'notices');
    if (checked.type === 'ok') return checked.value;
    throw new Error(checked.message);
  } catch (cause) {
    throw new Error(`${path} cannot be read: delete it, and publish again what is in force`, { cause });
  }
}

export const writeNotices = (data: string, notices: readonly Notice[]): Promise<void> =>
  writePrivateFile(dataLayout(data).notices, `${JSON.stringify(notices)}\n`);
