// Programs that the servers need, found where Debian puts them.

const path = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

export const hasProgram = (name: string): boolean => Bun.which(name, { PATH: path }) !== null;

export function programPath(name: string): string {
  const found = Bun.which(name, { PATH: path });
  if (found === null) throw new Error(`${name} is not on this machine`);
  return found;
}

/** Rejects with all that the program said when it does not end well. */
export async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${out}${error}`);
}

export async function runs(command: readonly string[]): Promise<boolean> {
  return (await Bun.spawn([...command], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).exited) === 0;
}
