// Enter as a command, in every field.

import type { KeyboardEvent } from 'react';

/** While an input method composes, Enter chooses a word. 229 is how Safari says so. */
export const isEnter = ({ key, nativeEvent, keyCode }: KeyboardEvent): boolean =>
  key === 'Enter' && !nativeEvent.isComposing && keyCode !== 229;
