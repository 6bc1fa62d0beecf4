// Where the boxes of a flame graph lie: the zoomed function over the whole width, its callers above it, what it calls below.

import { type FlameNode, pathTo } from '@hongyan/profile/flame-tree';

export interface Box {
  readonly node: FlameNode;
  /** Shares of the width, 0 to 1. */
  readonly left: number;
  readonly width: number;
  /** It calls the zoomed function: shown over the whole width. */
  readonly isAbove: boolean;
}

/** Narrower boxes are not drawn: no one could read or hit them, and there may be a hundred thousand. */
const widthMin = 0.0008;

export function boxesOf(zoomed: FlameNode): readonly Box[] {
  const path = pathTo(zoomed);
  const above = path.slice(0, -1).map((node): Box => ({ node, left: 0, width: 1, isAbove: true }));
  const boxes: Box[] = [];
  const place = (node: FlameNode, left: number): void => {
    const width = zoomed.total === 0 ? 0 : node.total / zoomed.total;
    if (width < widthMin && node !== zoomed) return;
    boxes.push({ node, left, width, isAbove: false });
    let childLeft = left;
    for (const child of node.children) {
      place(child, childLeft);
      childLeft += child.total / zoomed.total;
    }
  };
  place(zoomed, 0);
  return [...above, ...boxes];
}

/** The box that an arrow key leads to; undefined when there is none in that direction. */
export function neighbourOf(boxes: readonly Box[], node: FlameNode, key: string): FlameNode | undefined {
  switch (key) {
    case 'ArrowUp':
      return node.parent;
    case 'ArrowDown':
      return boxes.find((box) => box.node.parent === node)?.node;
    case 'ArrowLeft':
    case 'ArrowRight': {
      const row = boxes.filter((box) => box.node.depth === node.depth);
      const at = row.findIndex((box) => box.node === node);
      return at === -1 ? undefined : row[key === 'ArrowLeft' ? at - 1 : at + 1]?.node;
    }
    default:
      return undefined;
  }
}

export function isMatch({ frame }: FlameNode, search: string): boolean {
  if (search === '' || frame === undefined) return false;
  const wanted = search.toLowerCase();
  return frame.name.toLowerCase().includes(wanted) || frame.file.toLowerCase().includes(wanted);
}

/** Share of the whole profile that lies in or below matching functions; one inside another counts once. */
export function matchedShare(root: FlameNode, search: string): number {
  const matched = (node: FlameNode): number =>
    isMatch(node, search) ? node.total : node.children.reduce((sum, child) => sum + matched(child), 0);
  return root.total === 0 ? 0 : matched(root) / root.total;
}

/** The same hue for all functions of a folder: the parts of the server are told apart at a glance. */
export function hueOf({ frame }: FlameNode): number {
  const folder = frame?.file.replace(/\/[^/]*$/, '') ?? '';
  let hash = 0;
  for (const character of folder) hash = (hash * 31 + character.charCodeAt(0)) % 360;
  // From red through yellow to green: the colours of fire, and apart from the blue of the selection.
  return folder === '' ? 60 : 20 + (hash % 130);
}
