// What a backup says of itself: written last, so that a folder that has it is whole.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkShape } from '@hongyan/protocol/parse';
import Type, { type Static } from 'typebox';
import { writePrivateFile } from '../../files/private-file.ts';

const ManifestSchema = Type.Object({
  format: Type.Literal(1),
  /** Of Hongyan. */
  version: Type.String(),
  /** Unix milliseconds: what was acknowledged before is in it. */
  taken_at: Type.Integer(),
  epoch: Type.String(),
  has_secrets: Type.Boolean(),
  counts: Type.Object({
    users: Type.Integer(),
    conversations: Type.Integer(),
    entries: Type.Integer(),
  }),
  files: Type.Array(Type.Object({ path: Type.String(), bytes: Type.Integer(), sha256: Type.String() })),
});
export type Manifest = Static<typeof ManifestSchema>;

const manifestName = 'backup.json';

export const writeManifest = (folder: string, manifest: Manifest): Promise<void> =>
  writePrivateFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);

/** Rejects, with what to do, for a folder that is no whole backup. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestName);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${folder} is not a complete backup: ${path} cannot be read`, { cause });
  }
  const checked = checkShape<Manifest>(ManifestSchema, value, manifestName);
  if (checked.type !== 'ok') throw new Error(`${path} was written by another version of Hongyan: ${checked.message}`);
  return checked.value;
}
