// The pages of --help that are kept as text files, so that a change of a command or an option shows in review.
// To write them anew after such a change: node_modules/.bin/bun packages/cli/src/testing/help-pages.ts

import { join } from 'node:path';

/** File beside this one → the arguments that print it. */
export const helpPages: Readonly<Record<string, readonly string[]>> = {
  'help.txt': ['--help'],
  'help-user.txt': ['user', '--help'],
  'help-key.txt': ['key', '--help'],
  'help-start.txt': ['start', '--help'],
};

export const pathOf = (page: string): string => join(import.meta.dir, page);

/** What the command line prints, as a process of its own without any environment. */
export async function printed(args: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, '../main.ts'), ...args], {
    env: {},
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: 20_000,
  });
  return new Response(child.stdout).text();
}

if (import.meta.main) {
  for (const [page, args] of Object.entries(helpPages)) await Bun.write(pathOf(page), await printed(args));
}
