// Files and links that are dropped on a page: without this the browser leaves it for them, with all that is written there.

/** `onFile`: after a file was dropped, or pasted where there was no text beside it. Words can still be dropped into a field. */
export function refuseDrops(onFile: () => void = () => {}): void {
  document.addEventListener('dragover', (event) => {
    if (isRefused(event)) event.preventDefault(); // else no drop follows, but the browser's own
  });
  document.addEventListener('drop', (event) => {
    if (!isRefused(event)) return;
    event.preventDefault();
    if (hasFile(event.dataTransfer)) onFile();
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    if (hasFile(clipboardData) && !clipboardData?.types.includes('text/plain')) onFile();
  });
}

const isRefused = ({ dataTransfer, target }: DragEvent): boolean =>
  hasFile(dataTransfer) || !(target instanceof Element && target.closest('input, textarea'));

const hasFile = (data: DataTransfer | null): boolean => data?.types.includes('Files') === true;
