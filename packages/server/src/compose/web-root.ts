// Where the web client lies: named by the operator, else inside the executable, else as built beside the sources.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readStaticFiles, type StaticFiles } from '../roles/gateway/http/static-files.ts';
import { embeddedWebRoot } from './embedded-web-root.ts';

/** Rejects when the folder named by the operator is not there; no web client at all is none to serve. */
export async function findWebRoot(named: string): Promise<StaticFiles> {
  if (named === '') return embeddedWebRoot ?? readStaticFiles(join(import.meta.dir, '../../../../apps/chat/dist'));
  if (!existsSync(named)) throw new Error(`there is no folder ${named}, which web-root names`);
  return readStaticFiles(named);
}
