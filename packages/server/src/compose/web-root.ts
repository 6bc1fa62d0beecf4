// Where the web client lies: named by the operator, else inside the executable, else as built beside the sources.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readWebRoot, type WebRoot } from '../roles/gateway/web-root.ts';
import { embeddedWebRoot } from './embedded-web-root.ts';

/** Rejects when the folder named by the operator is not there; no web client at all is none to serve. */
export async function findWebRoot(named: string): Promise<WebRoot> {
  if (named === '') return embeddedWebRoot ?? readWebRoot(join(import.meta.dir, '../../../../apps/chat/dist'));
  if (!existsSync(named)) throw new Error(`there is no folder ${named}, which web-root names`);
  return readWebRoot(named);
}
