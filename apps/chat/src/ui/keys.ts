// Keys as commands, in every field.

import type { KeyboardEvent } from 'react';

/** While an input method composes, Enter chooses a word, and Escape gives it up. 229 is how Safari says so of the last key. */
export const isComposing = ({ nativeEvent, keyCode }: KeyboardEvent): boolean =>
  nativeEvent.isComposing || keyCode === 229;

export const isEnter = (event: KeyboardEvent): boolean => event.key === 'Enter' && !isComposing(event);
