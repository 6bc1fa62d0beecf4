// Text that users wrote, rendered harmless for a terminal.

/** What users wrote could move the cursor or recolour the terminal: control characters and bidirectional overrides become visible. */
export function printable(text: string): string {
  return text.replace(controls, (character) =>
    character === '\n' ? '↵' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const controls = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
