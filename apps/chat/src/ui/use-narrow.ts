// Whether one pane is shown at a time, as in the style sheet.

import { useMedia } from '@hongyan/look/use-media';

export const useNarrow = (): boolean => useMedia('(width < 720px)');
