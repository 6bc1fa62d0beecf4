// The web client and the console inside the executable: tools/build.ts puts maps of their files in the place of this module.

import type { StaticFiles } from '../../http/static-files.ts';

/** Both are undefined when the server runs from its sources. */
export const embeddedWebRoot: StaticFiles | undefined = undefined;
export const embeddedConsole: StaticFiles | undefined = undefined;
