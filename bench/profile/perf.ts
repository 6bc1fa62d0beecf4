// The kernel's side of a process, by Linux perf: where its threads spend CPU time, and how many system calls they make.

import { readdirSync, readlinkSync } from 'node:fs';
import { threadName } from '@hongyan/load/process-stats';

/** A part of the process's CPU samples. */
export interface CpuPart {
  readonly thread: string;
  /** "user", or for the kernel the system call (or trap) that it was in. */
  readonly where: string;
  /** Of all samples; 0.1 is a tenth. */
  readonly share: number;
}

export interface SystemCalls {
  readonly thread: string;
  readonly name: string;
  readonly calls: number;
}

const sampleHz = 997;
const attachTimeoutMs = 20_000;
const pollMs = 200;
/** strace shows no sign of being attached. */
const straceAttachMs = 1_000;
/** Below the kernel's addresses on all 64-bit machines that Bun runs on. */
const kernelObject = '[kernel.kallsyms]';

export const hasPerf = (): boolean => Bun.which('perf') !== null;

/** Runs `work` while perf samples the threads of `pid`. */
export async function sampleCpu<T>(pid: number, file: string, work: () => Promise<T>) {
  const command = ['perf', 'record', '-q', '-e', 'cpu-clock', '-F', String(sampleHz), '-g', '-p', String(pid)];
  const result = await whileRunning([...command, '-o', file], work);
  const script = Bun.spawn(['perf', 'script', '-i', file, '-F', 'comm,tid,ip,sym,dso'], {
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const parts = cpuParts(await new Response(script.stdout).text(), pid);
  if (parts.length === 0) throw new Error('perf record took no samples: run again on a quieter machine');
  return { result, parts };
}

/** Runs `work` while perf counts the system calls of `pid`; by strace, and not by thread, where perf is missing. */
export async function countSystemCalls<T>(pid: number, file: string, work: () => Promise<T>) {
  if (hasPerf()) {
    const result = await whileRunning(['perf', 'trace', '-s', '-p', String(pid), '-o', file], work);
    const calls = callsOfPerf(await Bun.file(file).text(), pid);
    if (calls.length === 0) throw new Error('perf trace counted no system calls: run again on a quieter machine');
    return { result, calls };
  }
  if (!Bun.which('strace')) throw new Error('counting system calls needs perf (package linux-perf) or strace');
  const result = await whileRunning(['strace', '-c', '-f', '-p', String(pid), '-o', file], work);
  return { result, calls: callsOfStrace(await Bun.file(file).text()) };
}

async function whileRunning<T>(command: readonly string[], work: () => Promise<T>): Promise<T> {
  const observer = Bun.spawn([...command], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' });
  try {
    await (command[0] === 'perf' ? attached(observer) : Bun.sleep(straceAttachMs));
    const result = await work();
    if (observer.exitCode !== null) throw new Error(`${command.slice(0, 2).join(' ')} ended early: it may need root`);
    return result;
  } finally {
    observer.kill('SIGINT');
    await observer.exited;
  }
}

/** perf opens its events one after the other: it is ready when their number no longer grows. */
async function attached({ pid }: { readonly pid: number }): Promise<void> {
  let before = 0;
  for (const until = performance.now() + attachTimeoutMs; performance.now() < until; await Bun.sleep(pollMs)) {
    const now = eventCount(pid);
    if (now > 0 && now === before) return;
    before = now;
  }
  throw new Error('perf did not attach to the server: it may need root');
}

function eventCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).includes('perf_event'))
      .length;
  } catch {
    // perf has ended, or closed a file while it was listed.
    return 0;
  }
}

/** From `perf script -F comm,tid,ip,sym,dso`: a header line for each sample, its stack from the innermost frame, an empty line. */
export function cpuParts(script: string, pid: number): readonly CpuPart[] {
  const counts = new Map<string, number>();
  let sampleCount = 0;
  for (const block of script.split('\n\n')) {
    const [header, ...stack] = block.split('\n').filter((line) => line.trim() !== '');
    const [, comm = '', tid = ''] = header?.match(/^\s*(.+?)\s+(\d+)\s*$/) ?? [];
    if (tid === '') continue;
    sampleCount++;
    const key = `${threadName(comm, Number(tid) === pid) ?? 'rest'}\t${whereOf(stack)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .map(([key, count]) => {
      const [thread = '', where = ''] = key.split('\t');
      return { thread, where, share: count / sampleCount };
    })
    .sort((left, right) => right.share - left.share);
}

function whereOf(stack: readonly string[]): string {
  const kernel = stack.filter((line) => line.includes(kernelObject));
  if (kernel.length === 0) return 'user';
  for (const line of kernel) {
    const call = line.match(/\b__(?:x64|arm64)_sys_(\w+)/)?.[1];
    if (call !== undefined) return call;
  }
  if (kernel.some((line) => line.includes('exc_page_fault'))) return '(page fault)';
  if (kernel.some((line) => line.includes('sysvec') || line.includes('irq'))) return '(interrupt)';
  return '(entry and exit)';
}

/** From `perf trace -s`: a paragraph "comm (tid), n events" for each thread, then "name calls errors …" lines. */
export function callsOfPerf(text: string, pid: number): readonly SystemCalls[] {
  const counts = new Map<string, number>();
  let thread = '';
  for (const line of text.split('\n')) {
    const [, comm, tid] = line.match(/^\s*(.+) \((\d+)\), \d+ events/) ?? [];
    if (comm !== undefined) thread = threadName(comm, Number(tid) === pid) ?? 'rest';
    const [, name, calls] = line.match(/^\s+(\w+)\s+(\d+)\s+\d+\s+[\d.]+\s/) ?? [];
    if (name === undefined || thread === '') continue;
    const key = `${thread}\t${name}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(calls));
  }
  return sorted([...counts].map(([key, calls]) => ({ ...splitKey(key), calls })));
}

function splitKey(key: string) {
  const [thread = '', name = ''] = key.split('\t');
  return { thread, name };
}

/** From `strace -c`: "% time, seconds, usecs/call, calls, [errors,] name" lines. */
export function callsOfStrace(text: string): readonly SystemCalls[] {
  const calls: SystemCalls[] = [];
  for (const line of text.split('\n')) {
    const [, count, name] = line.match(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$/) ?? [];
    if (name !== undefined && name !== 'total') calls.push({ thread: 'all', name, calls: Number(count) });
  }
  return sorted(calls);
}

const sorted = (calls: readonly SystemCalls[]): readonly SystemCalls[] =>
  [...calls].sort((left, right) => right.calls - left.calls);
