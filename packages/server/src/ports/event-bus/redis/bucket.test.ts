// Buckets: the bucket of a topic, and messages of older generations.

import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { userTopic } from '../event-bus.ts';
import { Bucket, bucketCount, bucketOf } from './bucket.ts';

test('a topic has the same bucket in every version, and topics are spread over all buckets', () => {
  // Fixed values: two versions in one cluster must agree.
  expect(bucketOf('u:ann')).toBe(3);
  const used = new Set(Array.from({ length: 5_000 }, (_, index) => bucketOf(userTopic(`user ${index}` as UserId))));
  expect(used.size).toBe(bucketCount);
});

test('[D4] a message of an older generation is not delivered after one of a newer generation', () => {
  const bucket = new Bucket(0);
  const sources = ['a.1', 'a.1', 'b.7', 'a.3', 'a.2', 'a.1', 'b.7', 'a.3'];
  expect(sources.filter((source) => bucket.isCurrent(source))).toEqual(['a.1', 'a.1', 'b.7', 'a.3', 'b.7', 'a.3']);
});

test('remembered publishers are limited: the oldest are forgotten', () => {
  const bucket = new Bucket(0);
  for (let publisher = 0; publisher < 1_000; publisher++) bucket.isCurrent(`${publisher}.5`);
  expect(bucket.isCurrent('999.4')).toBe(false);
  expect(bucket.isCurrent('0.4')).toBe(true);
});

test('topics with a pending loss report are limited: beyond it the whole bucket is reported', () => {
  const bucket = new Bucket(0);
  for (const id of ['a', 'b']) bucket.noteLoss(userTopic(id as UserId), 2);
  expect([bucket.lost.size, bucket.hasLostAll]).toEqual([2, false]);
  bucket.noteLoss(userTopic('c' as UserId), 2);
  expect([bucket.lost.size, bucket.hasLostAll]).toEqual([0, true]);
});
