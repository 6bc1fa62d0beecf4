// Where the web client and the operators' console lie: named by the operator, else inside the executable, else as built beside the sources.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readStaticFiles, type StaticFiles } from '../http/static-files.ts';
import { embeddedConsole, embeddedWebRoot } from './embedded-web-root.ts';

/** Rejects when the folder named by the operator is not there; no web client at all is none to serve. */
export async function findWebRoot(named: string): Promise<StaticFiles> {
  if (named === '') return embeddedWebRoot ?? readStaticFiles(builtApp('chat'));
  if (!existsSync(named)) throw new Error(`there is no folder ${named}, which web-root names`);
  return readStaticFiles(named);
}

export const findConsole = async (): Promise<StaticFiles> => embeddedConsole ?? readStaticFiles(builtApp('admin'));

const builtApp = (name: string): string => join(import.meta.dir, '../../../../apps', name, 'dist');
