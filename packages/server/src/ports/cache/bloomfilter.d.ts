// The used part of the package bloomfilter, which has no types.

declare module 'bloomfilter' {
  export class BloomFilter {
    static withTargetError(keys: number, errorRate: number): BloomFilter;
    add(key: string): void;
    test(key: string): boolean;
  }
}
