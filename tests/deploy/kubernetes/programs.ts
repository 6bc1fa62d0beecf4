// The programs of a Kubernetes control plane, as tools/install-kubernetes builds them, and what scales by it.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hongyan');

const names = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'prometheus-adapter',
  'helm',
  'prometheus',
] as const;
export type ProgramName = (typeof names)[number];

function find(name: ProgramName): string | undefined {
  for (const pattern of [`kubernetes-*/${name}`, `helm-*/${name}`])
    for (const path of existsSync(cache) ? new Bun.Glob(pattern).scanSync(cache) : []) return join(cache, path);
  // As tools/install-prometheus leaves it.
  const unpacked = join(import.meta.dir, '../../../node_modules/.prometheus', name);
  return existsSync(unpacked) ? unpacked : (Bun.which(name) ?? undefined);
}

const found = new Map(names.map((name) => [name, find(name)]));

export const missingPrograms: readonly ProgramName[] = names.filter((name) => found.get(name) === undefined);

export function program(name: ProgramName): string {
  const path = found.get(name);
  if (path === undefined) throw new Error(`${name} is not here: run tools/install-kubernetes`);
  return path;
}
