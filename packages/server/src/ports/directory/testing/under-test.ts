// The directory that the contract suite runs on, and how a test opens its data again.

import type { Directory } from '../directory.ts';

export interface DirectoryUnderTest {
  readonly directory: Directory;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Directory>;
  /** Closes it and removes its data. */
  remove(): Promise<void>;
}
