// Text that users wrote, rendered harmless for a terminal.

/** What users wrote could move the cursor or recolour the terminal: control characters and bidirectional overrides become visible. */
export function printable(text: string): string {
  return text.replace(controls, (character) =>
    lineEnds.includes(character) ? '↵' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const lineEnds = '\n\u2028\u2029';
const controls = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
