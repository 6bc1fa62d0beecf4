// What went wrong, in words, read out at once; nothing while nothing did.

export function Problem({ words }: { readonly words: string | undefined }) {
  if (!words) return null;
  return (
    <p className="problem" role="alert">
      {words}
    </p>
  );
}
