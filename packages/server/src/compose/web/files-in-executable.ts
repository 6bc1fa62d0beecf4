// The files of the web client and the console in the executable: tools/build.ts replaces this module with maps of them.

import type { StaticFiles } from '../../http/static-files.ts';

/** Both are undefined when the server runs from its sources. */
export const embeddedWebRoot: StaticFiles | undefined = undefined;
export const embeddedConsole: StaticFiles | undefined = undefined;
