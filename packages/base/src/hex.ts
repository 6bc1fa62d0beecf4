// Bytes as hexadecimal text.

const byteTexts = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The two digits of the lowest byte of `bits`, a number of at most 32 bits. */
export const hexOfByte = (bits: number): string => byteTexts[bits & 0xff] ?? '';
