import { expect, test } from 'bun:test';
import { Scrape } from '../metrics-text.ts';
import { pictureOf } from './picture.ts';
import { statusText } from './text.ts';

const screenOf = (metrics: readonly string[], url: string): string => {
  const now = new Scrape(metrics.join('\n'));
  const readiness = { status: 'ready', checks: {} };
  return statusText(pictureOf({ readiness, before: now, now, seconds: 2, upForS: 60, url }));
};

test('[O3] the screen of a cluster has the fullest disk once, no store of files, and no address where there is none', () => {
  const gibibytes = (count: number) => String(count * 1024 ** 3);
  const screen = screenOf(
    [
      ...['core-1', 'gateway-1'].flatMap((process) => [
        `hongyan_disk_bytes{process="${process}"} ${gibibytes(250)}`,
        `hongyan_disk_free_bytes{process="${process}"} ${gibibytes(100)}`,
      ]),
      `hongyan_disk_bytes{process="gateway-2"} ${gibibytes(500)}`,
      `hongyan_disk_free_bytes{process="gateway-2"} ${gibibytes(150)}`,
      'hongyan_build_info{version="1.2.3"} 1',
    ],
    '',
  );
  expect(screen).toStartWith('ready: hongyan 1.2.3, up for 1 min\n');
  expect(screen).toContain('disk           150 GiB of 500 GiB free\n');
  expect(screen).not.toContain('stores');
});

test('[O3] the screen of a data folder has what its stores take, and the disk beside it', () => {
  const screen = screenOf(
    [
      'hongyan_store_bytes{store="timeline"} 2048',
      'hongyan_disk_bytes{process="core"} 8192',
      'hongyan_disk_free_bytes{process="core"} 4096',
    ],
    'http://x',
  );
  expect(screen).toContain(' at http://x, up for');
  expect(screen).toContain('stores         2.0 KiB; 4.0 KiB of 8.0 KiB free\n');
});
