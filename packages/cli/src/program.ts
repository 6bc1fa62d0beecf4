// The command that runs this very program again: the executable alone, or the runtime and the source file it was given.

const isExecutable = Bun.main.startsWith('/$bunfs/') || Bun.main.startsWith('B:\\~BUN\\');

export const program: readonly string[] = isExecutable
  ? [process.execPath]
  : [process.execPath, ...process.execArgv, Bun.main];
