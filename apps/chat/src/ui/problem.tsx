// The words of an error, read out at once; nothing while there is none.

export function Problem({ words }: { readonly words: string | undefined }) {
  if (!words) return null;
  return (
    <p className="problem" role="alert">
      {words}
    </p>
  );
}
