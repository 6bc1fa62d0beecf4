// The .cpuprofile of V8's tools, as the runtime's sampler gives it for one thread, and what its samples mean.

import type { Frame, Profile, Stack } from './profile.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** Counted from 0; -1 where it is not known. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** Microseconds since 1970. */
  readonly startTime: number;
  readonly endTime: number;
  /** Node ids. Only where something ran: an idle thread is not sampled. */
  readonly samples: readonly number[];
  /** Microseconds from the sample before, the first one from startTime. */
  readonly timeDeltas: readonly number[];
}

const idleNames = new Set(['(root)', '(idle)', '(program)']);
const microsecondNs = 1000;
/** Ten times what the sampler is asked for. A thread that ran so seldom that half of its samples are further apart was idle between them. */
const sampleUsMax = 10_000;

/**
 * Each sample stands for the median distance of two samples: the sampler sleeps between them, and a long distance is a thread
 * that had nothing to do, which says nothing of the function that ran next.
 */
export function cpuProfileStacks(profile: CpuProfile, labels: Readonly<Record<string, string>>): Profile {
  const sampleNs = Math.min(medianOf(profile.timeDeltas), sampleUsMax) * microsecondNs;
  const counts = new Map<number, number>();
  for (const id of profile.samples) counts.set(id, (counts.get(id) ?? 0) + 1);
  const parents = parentsOf(profile.nodes);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const stacks: Stack[] = [];
  for (const [id, count] of counts) {
    const frames = framesOf(id, nodes, parents);
    if (frames.length > 0) stacks.push({ frames, values: [count, Math.round(count * sampleNs)], labels });
  }
  return {
    valueTypes: [
      { type: 'samples', unit: 'count' },
      { type: 'cpu', unit: 'nanoseconds' },
    ],
    stacks,
    takenAtMs: profile.startTime / microsecondNs,
    durationMs: (profile.endTime - profile.startTime) / microsecondNs,
    comments: ['cpu: time in which a thread ran code or waited inside a call; an idle thread is not sampled'],
  };
}

function framesOf(
  id: number,
  nodes: ReadonlyMap<number, CpuProfileNode>,
  parents: ReadonlyMap<number, number>,
): Frame[] {
  const frames: Frame[] = [];
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const node = nodes.get(at);
    if (node && !idleNames.has(node.callFrame.functionName)) frames.push(frameOf(node.callFrame));
  }
  return frames.reverse();
}

function parentsOf(nodes: readonly CpuProfileNode[]): Map<number, number> {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  return parents;
}

const frameOf = ({ functionName, url, lineNumber }: CallFrame): Frame => ({
  name: functionName === '' ? '(anonymous)' : functionName,
  file: sourceFile(url),
  line: lineNumber + 1,
});

/** Without the folder in which the sources lie on this machine. */
function sourceFile(url: string): string {
  const path = url.replace(/^file:\/\//, '');
  return path
    .replace(/^.*?\/(?=(?:packages|apps|tests|bench|tools|node_modules)\/)/, '')
    .replace(/^\/\$bunfs\/root\//, '');
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
