// Positions of the MySQL timeline: how far each shard's commits go. Writers of different shards never wait for each other, at the price
// that there is no order over the whole store.

import type { Position } from '../timeline.ts';

/** Fixed with the layout: a position has room for no more. */
export const shardCount = 16;

/** The last commit of each shard, by its number. */
export type ShardVector = readonly number[];

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const digitOf = new Map([...alphabet].map((letter, digit) => [letter, digit]));
/** Digits of one number: four trillion commits. */
const width = 7;

/** New conversations of a partition go to its shard; those that are there stay in theirs, also when partitions were added. */
export const shardOfPartition = (partition: number): number => partition % shardCount;

/** "epoch.numbers", 125 characters with an epoch of twelve. */
export const formatVector = (epoch: string, vector: ShardVector): Position =>
  `${epoch}.${vector.map(encode).join('')}` as Position;

/** Undefined when it is not a position of this epoch. */
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
