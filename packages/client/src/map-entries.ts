// What is done to maps in several places: entries deleted or counted by a condition, and a bound kept. Pure.

type Condition<K, V> = (key: K, value: V) => boolean;

export function deleteWhere<K, V>(map: Map<K, V>, isMeant: Condition<K, V>): void {
  for (const [key, value] of map) if (isMeant(key, value)) map.delete(key);
}

export function countWhere<K, V>(map: ReadonlyMap<K, V>, isMeant: Condition<K, V>): number {
  let count = 0;
  for (const [key, value] of map) if (isMeant(key, value)) count++;
  return count;
}

/** Beyond the bound what was put first goes first. */
export function putBounded<K, V>(map: Map<K, V>, [key, value]: readonly [K, V], max: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
