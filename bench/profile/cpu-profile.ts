// Reads the file that Bun's --cpu-prof writes: which functions of the main thread were running, and for how much of the time.

export interface SelfTime {
  readonly functionName: string;
  /** "packages/server/src/x.ts:12", or empty for code of the runtime. */
  readonly place: string;
  /** Of all samples in which something ran; 0.1 is a tenth. */
  readonly share: number;
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  /** Microseconds since 1970. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds from the sample before, the first one from startTime. */
  readonly timeDeltas: readonly number[];
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const idleNames = new Set(['(idle)', '(root)']);

/** Largest first; only samples within `span` count, which is in milliseconds since 1970. */
export function selfTimes(json: string, { fromMs, toMs }: Span, rootFolder: string): readonly SelfTime[] {
  const profile = JSON.parse(json) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const micros = new Map<string, number>();
  const entries = new Map<string, Omit<SelfTime, 'share'>>();
  let [atUs, sumUs] = [profile.startTime, 0];
  for (const [index, id] of profile.samples.entries()) {
    const deltaUs = profile.timeDeltas[index] ?? 0;
    atUs += deltaUs;
    const frame = frames.get(id);
    if (!frame || atUs < fromMs * 1000 || atUs > toMs * 1000 || idleNames.has(frame.functionName)) continue;
    const functionName = frame.functionName || '(anonymous)';
    const place = placeOf(frame, rootFolder);
    const key = `${functionName} ${place}`;
    entries.set(key, { functionName, place });
    micros.set(key, (micros.get(key) ?? 0) + deltaUs);
    sumUs += deltaUs;
  }
  return [...entries]
    .map(([key, entry]) => ({ ...entry, share: (micros.get(key) ?? 0) / sumUs }))
    .sort((left, right) => right.share - left.share);
}

function placeOf({ url, lineNumber }: CallFrame, rootFolder: string): string {
  if (!url.startsWith('file://')) return '';
  const path = url.slice('file://'.length);
  return `${path.startsWith(rootFolder) ? path.slice(rootFolder.length) : path}:${lineNumber + 1}`;
}
