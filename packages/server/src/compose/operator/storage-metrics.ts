// Metrics of the size of the stores and of the disk of the data folder.

import { readdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { dataLayout } from '../../config/data-layout.ts';
import type { Metrics, Sample } from '../../metrics/metrics.ts';

/** Of stores that are files of the data folder. */
export function registerStores(metrics: Metrics, data: string): void {
  const { timeline, directory, access, devices, tasks, events } = dataLayout(data);
  metrics.gauge({
    name: 'hongyan_store_bytes',
    help: 'Size of the files of each store',
    async read(): Promise<readonly Sample[]> {
      return [
        [{ store: 'timeline' }, await bytesIn(timeline, '')],
        [{ store: 'directory' }, await bytesIn(dirname(directory), basename(directory))],
        [{ store: 'access' }, await bytesIn(dirname(access), basename(access))],
        [{ store: 'devices' }, await bytesIn(dirname(devices), basename(devices))],
        [{ store: 'tasks' }, await bytesIn(dirname(tasks), basename(tasks))],
        [{ store: 'events' }, await bytesIn(dirname(events), basename(events))],
      ];
    },
  });
}

export function registerDisk(metrics: Metrics, data: string): void {
  metrics.gauge({
    name: 'hongyan_disk_free_bytes',
    help: 'Room left on the disk of the data folder',
    read: async () => {
      const { bavail, bsize } = await statfs(data);
      return bavail * bsize;
    },
  });
  metrics.gauge({
    name: 'hongyan_disk_bytes',
    help: 'Size of the disk of the data folder',
    read: async () => {
      const { blocks, bsize } = await statfs(data);
      return blocks * bsize;
    },
  });
}

/** Of the files whose names begin so: a store's own and its log. */
async function bytesIn(folder: string, prefix: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  // A file may be gone by now.
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
