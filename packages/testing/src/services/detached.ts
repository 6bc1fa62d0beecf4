// Processes that outlive the one that started them, known by pid and birth: a pid that the kernel gave to another process is not ours.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { until } from '../until.ts';

export interface ProcessId {
  readonly pid: number;
  readonly bornAt: string;
}

/** One that was never started has neither. */
type MaybeProcess = Partial<ProcessId>;

/** In a session of its own, so that it survives the shell; what it says is added to the file `log`. */
export async function startDetached(command: readonly string[], { log }: { log: string }): Promise<ProcessId> {
  const [program = '', ...args] = command;
  const output = openSync(log, 'a');
  try {
    const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', output, output] });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    const { pid } = child;
    const bornAt = pid === undefined ? undefined : birthOf(pid);
    if (pid === undefined || bornAt === undefined) throw new Error(`${program} ended at once: see ${log}`);
    return { pid, bornAt };
  } finally {
    closeSync(output);
  }
}

/** Ended processes that nobody has waited for yet count as dead. */
export function isAlive({ pid, bornAt }: MaybeProcess): boolean {
  return pid !== undefined && bornAt !== undefined && birthOf(pid) === bornAt;
}

/** Does nothing to a process that is dead. */
export function signal(target: MaybeProcess, name: NodeJS.Signals): void {
  if (target.pid === undefined || !isAlive(target)) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** SIGTERM, and SIGKILL when it is still there after `withinMs`; a paused one continues first. */
export async function end(target: MaybeProcess, withinMs = 20_000): Promise<void> {
  signal(target, 'SIGTERM');
  signal(target, 'SIGCONT');
  try {
    await until(() => !isAlive(target), { withinMs });
  } catch {
    await kill(target);
  }
}

export async function kill(target: MaybeProcess): Promise<void> {
  signal(target, 'SIGKILL');
  await until(() => !isAlive(target), { what: `the death of process ${target.pid}` });
}

export function ownProcess(): ProcessId {
  return { pid: process.pid, bornAt: birthOf(process.pid) ?? '' };
}

/** Field 22 of /proc/<pid>/stat; the program's name before it may hold anything. */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
