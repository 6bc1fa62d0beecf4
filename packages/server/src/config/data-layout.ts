// Where everything lies in a data folder: the one place that knows its file names.

import { join } from 'node:path';

export interface DataLayout {
  /** The folder of the timeline's files. */
  readonly timeline: string;
  readonly directory: string;
  readonly secret: string;
  /** Sockets of a running server. */
  readonly run: string;
}

export function dataLayout(data: string): DataLayout {
  return {
    timeline: join(data, 'timeline'),
    directory: join(data, 'directory.db'),
    secret: join(data, 'secret'),
    run: join(data, 'run'),
  };
}
