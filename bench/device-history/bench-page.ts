// What device-history.ts runs in the page of a browser.

import { createIndexedDbStorage } from '@hongyan/client/indexed-db-storage';
import { fill, openings, type Sizes } from './openings.ts';

const benchPage = {
  async run(sizes: Sizes) {
    const open = () => createIndexedDbStorage('bench');
    await fill(open(), sizes);
    return openings(open, sizes);
  },
};

export type BenchPage = typeof benchPage;

Object.assign(globalThis, { benchPage });
