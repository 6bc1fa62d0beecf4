// How much of a list goes into one answer: more than a connection may have unsent would close it, and the next one likewise [D8].

/** What the fields around a content take in a frame, at most. */
const envelopeBytes = 512;

export const entryBytes = (entry: { readonly contentJson: string }): number =>
  Buffer.byteLength(entry.contentJson) + envelopeBytes;

/** How many of `sizes`, from the first on, come to at most `bytesMax` together. The first always goes: else nobody got past it. */
export function fittingCount(sizes: readonly number[], bytesMax: number): number {
  let total = 0;
  for (const [index, size] of sizes.entries()) {
    total += size;
    if (index > 0 && total > bytesMax) return index;
  }
  return sizes.length;
}
