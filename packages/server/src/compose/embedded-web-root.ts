// The web client inside the executable: tools/build.ts puts a map of its files in the place of this module.

import type { WebRoot } from '../roles/gateway/web-root.ts';

/** undefined when the server runs from its sources. */
export const embeddedWebRoot: WebRoot | undefined = undefined;
