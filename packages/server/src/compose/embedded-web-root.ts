// The web client inside the executable: tools/build.ts puts a map of its files in the place of this module.

import type { StaticFiles } from '../roles/gateway/http/static-files.ts';

/** undefined when the server runs from its sources. */
export const embeddedWebRoot: StaticFiles | undefined = undefined;
