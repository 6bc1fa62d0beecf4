// docs/operating/metrics.md as data: what it describes is compared with what servers say.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(join(import.meta.dir, '../docs/operating/metrics.md'), 'utf8');
const [ofAll = '', ofCluster = ''] = page.split('## Processes of a cluster');

/** "name type" of each metric that the page describes; `ofCluster`: those that an embedded server does not have. */
export const describedMetrics = { ofAll: rowsOf(ofAll), ofCluster: rowsOf(ofCluster) };

/** The same of a scrape. */
export const scrapedMetrics = (text: string): readonly string[] =>
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);

function rowsOf(text: string): readonly string[] {
  return [...text.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(([, name, type, unit = '']) => {
    if (unit.trim() === '') throw new Error(`metrics.md gives ${name} no unit`);
    return `${name} ${type}`;
  });
}
