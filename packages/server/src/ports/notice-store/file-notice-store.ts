// Notices in a file of the data folder. One process at a time writes to it: the one that holds the folder's lock.

import { readFile } from 'node:fs/promises';
import type { Clock } from '@hongyan/base/clock';
import { type Notice, NoticeSchema } from '@hongyan/protocol/notice';
import { checkShape } from '@hongyan/protocol/parse';
import Type from 'typebox';
import { writePrivateFile } from '../../files/private-file.ts';
import type { NoticeStore } from './notice-store.ts';

const FileSchema = Type.Array(NoticeSchema);

export class FileNoticeStore implements NoticeStore {
  readonly #path: string;
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** The put in progress: each put reads what the one before it wrote. */
  #lastPut: Promise<unknown> = Promise.resolve();

  constructor(path: string, clock: Pick<Clock, 'nowMs'>) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Empty when there is no file. */
  async read(): Promise<readonly Notice[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    try {
      const checked = checkShape<readonly Notice[]>(FileSchema, JSON.parse(text), 'notices');
      if (checked.type === 'ok') return checked.value;
      throw new Error(checked.message);
    } catch (cause) {
      throw new Error(`${this.#path} is damaged: delete it, and publish the notices in force again`, { cause });
    }
  }

  put(notice: Notice): Promise<void> {
    const put = this.#lastPut.then(() => this.#put(notice));
    // The caller of the failed put receives its error; the next put runs all the same.
    this.#lastPut = put.catch(() => undefined);
    return put;
  }

  async #put(notice: Notice): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const others = (await this.read()).filter(({ notice_id }) => notice_id !== notice.notice_id);
    const inForce = [...others, notice].filter(({ until }) => until > nowMs);
    await writePrivateFile(this.#path, `${JSON.stringify(inForce)}\n`);
  }
}
