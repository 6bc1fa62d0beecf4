// The part of bloomfilter that is used; the package has no types of its own.

declare module 'bloomfilter' {
  export class BloomFilter {
    static withTargetError(keys: number, errorRate: number): BloomFilter;
    add(key: string): void;
    test(key: string): boolean;
  }
}
