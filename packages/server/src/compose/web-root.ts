// Where the web client lies: named by the operator, else as built beside the sources.

import { join } from 'node:path';
import { readWebRoot, type WebRoot } from '../roles/gateway/web-root.ts';

export function findWebRoot(named: string): Promise<WebRoot> {
  return readWebRoot(named === '' ? join(import.meta.dir, '../../../../apps/chat/dist') : named);
}
