// The tree that a flame graph draws: stacks merged from the outside in, widths by one of their values.

import { frameKey } from './functions.ts';
import { type Frame, mainValue, type Profile } from './profile.ts';

export interface FlameNode {
  /** undefined for the whole profile. */
  readonly frame: Frame | undefined;
  readonly parent: FlameNode | undefined;
  /** 0 for the whole profile. */
  readonly depth: number;
  readonly self: number;
  readonly total: number;
  /** Widest first. */
  readonly children: readonly FlameNode[];
}

export interface FlameOptions {
  readonly value?: number;
  /** The label whose values are the outermost boxes, such as "thread". */
  readonly groupBy?: string;
}

interface Growing {
  frame: Frame | undefined;
  parent: Growing | undefined;
  depth: number;
  self: number;
  total: number;
  children: Growing[];
  readonly byKey: Map<string, Growing>;
}

export function flameTree(profile: Profile, { value = mainValue(profile), groupBy }: FlameOptions = {}): FlameNode {
  const root = grown(undefined, undefined);
  for (const { frames, values, labels } of profile.stacks) {
    const amount = values[value] ?? 0;
    if (amount === 0) continue;
    const group = groupBy === undefined ? undefined : labels[groupBy];
    let node = root;
    node.total += amount;
    for (const frame of group === undefined ? frames : [groupFrame(group), ...frames]) {
      node = childOf(node, frame);
      node.total += amount;
    }
    node.self += amount;
  }
  sortByWidth(root);
  return root;
}

/** From the whole profile down to `node`. */
export function pathTo(node: FlameNode): readonly FlameNode[] {
  const path: FlameNode[] = [];
  for (let at: FlameNode | undefined = node; at; at = at.parent) path.push(at);
  return path.reverse();
}

export function* nodesBelow(node: FlameNode): Generator<FlameNode> {
  yield node;
  for (const child of node.children) yield* nodesBelow(child);
}

const groupFrame = (name: string): Frame => ({ name, file: '', line: 0 });

const grown = (frame: Frame | undefined, parent: Growing | undefined): Growing => ({
  frame,
  parent,
  depth: parent === undefined ? 0 : parent.depth + 1,
  self: 0,
  total: 0,
  children: [],
  byKey: new Map(),
});

function childOf(parent: Growing, frame: Frame): Growing {
  const key = frameKey(frame);
  let child = parent.byKey.get(key);
  if (child === undefined) {
    child = grown(frame, parent);
    parent.byKey.set(key, child);
    parent.children.push(child);
  }
  return child;
}

function sortByWidth(node: Growing): void {
  node.children.sort((left, right) => right.total - left.total);
  for (const child of node.children) sortByWidth(child);
}
