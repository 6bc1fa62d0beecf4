// Texts as a search compares them: capital letters, accents and the widths of letters make no difference.

export const folded = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
