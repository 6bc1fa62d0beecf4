// Names and titles as the page shows them: one line, with nothing in it that could act on the text around it.

/** Controls of bidirectional text, which would turn the words beside a name, and all other controls. */
const controls = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
const visible = /[^\p{C}\p{Z}\p{M}\u115f\u1160\u3164\uffa0]/u;

/** Empty where nothing of the name could be seen: then the caller shows the id. */
export function cleanName(name: string): string {
  const line = name.replace(controls, ' ').replace(/\s+/gu, ' ').trim();
  return visible.test(line) ? line : '';
}
