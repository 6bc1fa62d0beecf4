// Whether anything of a text could be seen.

/** Spaces, controls, what no font draws (zero-width spaces and joiners, marks of direction), and the Braille blank. */
const blank = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

export const isBlank = (text: string): boolean => blank.test(text);
