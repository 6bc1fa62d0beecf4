// Finds the files of the web client and the console: as configured, else in the executable, else built beside the sources.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type StaticFiles, StaticFolder } from '../../http/static-files.ts';
import { embeddedConsole, embeddedWebRoot } from './files-in-executable.ts';

/** Throws when the folder named by the operator is not there; no web client at all is none to serve. */
export function findWebRoot(named: string): StaticFiles {
  if (named === '') return embeddedWebRoot ?? new StaticFolder(builtApp('chat'));
  if (statSync(named, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Error(`the folder ${named} of web-root does not exist`);
  return new StaticFolder(named);
}

export const findConsole = (): StaticFiles => embeddedConsole ?? new StaticFolder(builtApp('admin'));

const builtApp = (name: string): string => join(import.meta.dir, '../../../../../apps', name, 'dist');
