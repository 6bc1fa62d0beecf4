// The words of an error, read out and brought into view at once; nothing while there is none.

import { useEffect, useRef } from 'react';

export function Problem({ words }: { readonly words: string | undefined }) {
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (words) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [words]);
  if (!words) return null;
  return (
    <p className="problem" role="alert" ref={ref}>
      {words}
    </p>
  );
}
