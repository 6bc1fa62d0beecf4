// Profiles that were kept: a folder for each capture in the data folder, the newest of them, bounded in number and in bytes.

import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@hongyan/base/log';
import { checkShape, parseJson } from '@hongyan/protocol/parse';
import Type, { type Static } from 'typebox';

const ReasonSchema = Type.Object({
  type: Type.Union([Type.Literal('manual'), Type.Literal('watchdog'), Type.Literal('alert')]),
  /** In words: the threshold and what was measured, or the alert's name. */
  detail: Type.String(),
});

const FunctionSchema = Type.Object({
  name: Type.String(),
  file: Type.String(),
  line: Type.Integer(),
  /** Of all samples, while it was innermost; 0.1 is a tenth. */
  share: Type.Number(),
});

export const ProfileRecordSchema = Type.Object({
  id: Type.String(),
  process: Type.String(),
  /** Unix milliseconds. */
  taken_at: Type.Number(),
  seconds: Type.Number(),
  reason: ReasonSchema,
  /** Largest share first. */
  top: Type.Array(FunctionSchema),
  files: Type.Array(Type.Object({ name: Type.String(), bytes: Type.Integer() })),
});

export type ProfileReason = Static<typeof ReasonSchema>;
export type ProfileRecord = Static<typeof ProfileRecordSchema>;

export interface NewProfile extends Omit<ProfileRecord, 'id' | 'files'> {
  readonly files: Readonly<Record<string, Uint8Array>>;
}

export interface ProfileFilesOptions {
  readonly folder: string;
  /** Older captures are removed; the newest stays whatever its size. */
  readonly countMax: number;
  readonly bytesMax: number;
  readonly log: Log;
}

const recordName = 'profile.json';
/** What is not yet whole. A crash leaves it behind; the next capture removes it. */
const draftPrefix = '.draft-';
const idPattern = /^\d{8}T\d{6}\.\d{3}Z-[\w-]+$/;
const fileNames = new Set(['cpu.pb.gz', 'heap.pb.gz']);

export class ProfileFiles {
  readonly #options: ProfileFilesOptions;
  /** Captures are kept one after another, because each removes drafts and what is beyond the bounds. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ProfileFilesOptions) {
    this.#options = options;
  }

  /** There whole or not at all. Then the oldest beyond the bounds are removed. */
  add(profile: NewProfile): Promise<ProfileRecord> {
    const added = this.#last.then(() => this.#write(profile));
    this.#last = added.catch(() => {}); // its caller has the error; the next one goes on
    return added;
  }

  async #write({ files, ...rest }: NewProfile): Promise<ProfileRecord> {
    const { folder } = this.#options;
    const id = `${new Date(rest.taken_at).toISOString().replaceAll(/[-:]/g, '')}-${rest.process}`;
    const sizes = Object.entries(files).map(([name, bytes]) => ({ name, bytes: bytes.length }));
    const record: ProfileRecord = { id, ...rest, files: sizes };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#removeDrafts();
    const draft = join(folder, `${draftPrefix}${id}`);
    await mkdir(draft, { mode: 0o700 });
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(draft, name), bytes, { mode: 0o600 });
    await writeFile(join(draft, recordName), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
    await rename(draft, this.folderOf(id));
    await this.#removeOldest();
    return record;
  }

  folderOf(id: string): string {
    return join(this.#options.folder, id);
  }

  /** Newest first. */
  async list(): Promise<readonly ProfileRecord[]> {
    const records = await Promise.all((await this.#ids()).map((id) => this.get(id)));
    return records.filter((record) => record !== undefined);
  }

  /** undefined when there is none, or none any more, or none that can be read, as after a loss of power: the log says so. */
  async get(id: string): Promise<ProfileRecord | undefined> {
    if (!idPattern.test(id)) return undefined;
    const text = await readFile(join(this.folderOf(id), recordName), 'utf8').catch(undefinedIfMissing);
    if (text === undefined) return undefined;
    const json = parseJson(text);
    const record = json.type === 'ok' ? checkShape<ProfileRecord>(ProfileRecordSchema, json.value, recordName) : json;
    if (record.type === 'ok') return record.value;
    const { message: why } = record;
    this.#options.log.warn('skipped a damaged profile record', { id, folder: this.folderOf(id), why });
    return undefined;
  }

  async file(id: string, name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!idPattern.test(id) || !fileNames.has(name)) return undefined;
    return readFile(join(this.folderOf(id), name)).then((bytes) => new Uint8Array(bytes), undefinedIfMissing);
  }

  async #removeOldest(): Promise<void> {
    const { countMax, bytesMax } = this.#options;
    let bytes = 0;
    for (const [index, id] of (await this.#ids()).entries()) {
      bytes += await bytesOf(this.folderOf(id));
      if (index > 0 && (index >= countMax || bytes > bytesMax))
        await rm(this.folderOf(id), { recursive: true, force: true });
    }
  }

  async #removeDrafts(): Promise<void> {
    for (const name of await readdir(this.#options.folder))
      if (name.startsWith(draftPrefix)) await rm(join(this.#options.folder, name), { recursive: true, force: true });
  }

  /** Newest first: an id begins with its time. */
  async #ids(): Promise<readonly string[]> {
    const names = (await readdir(this.#options.folder).catch(undefinedIfMissing)) ?? [];
    return names
      .filter((name) => idPattern.test(name))
      .sort()
      .reverse();
  }
}

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
