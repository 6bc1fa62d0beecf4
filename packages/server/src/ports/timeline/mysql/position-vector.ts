// Positions of the MySQL timeline: the last commit of each shard. Writers of different shards never wait for each other, but there is no
// total order over the store.

import type { Position } from '../timeline.ts';

/** Fixed by the table layout and by the format of positions. */
export const shardCount = 16;

/** The last commit of each shard, indexed by shard. */
export type ShardVector = readonly number[];

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const digitOf = new Map([...alphabet].map((letter, digit) => [letter, digit]));
/** The digits of a number: enough for four trillion commits. */
const width = 7;

/** The shard of new conversations of a partition. Existing conversations stay in their shard when partitions are added. */
export const shardOfPartition = (partition: number): number => partition % shardCount;

/** "epoch.numbers", 125 characters with an epoch of twelve. */
export const formatVector = (epoch: string, vector: ShardVector): Position =>
  `${epoch}.${vector.map(encode).join('')}` as Position;

/** undefined when the text is not a position of this epoch. */
export function parseVector(epoch: string, position: string): ShardVector | undefined {
  const digits = position.startsWith(`${epoch}.`) ? position.slice(epoch.length + 1) : '';
  if (digits.length !== shardCount * width) return undefined;
  const vector = Array.from({ length: shardCount }, (_, shard) =>
    decode(digits.slice(shard * width, (shard + 1) * width)),
  );
  return vector.includes(Number.NaN) ? undefined : vector;
}

function encode(number: number): string {
  let text = '';
  for (let rest = number; text.length < width; rest = Math.floor(rest / 64)) text = alphabet.charAt(rest % 64) + text;
  return text;
}

function decode(text: string): number {
  let number = 0;
  for (const letter of text) number = number * 64 + (digitOf.get(letter) ?? Number.NaN);
  return number;
}
