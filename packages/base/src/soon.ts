// Defers work to the end of the event loop's turn, so that the output of many callbacks is sent together.

/** Runs after the promise and I/O callbacks that are ready now. */
export const soon = (run: () => void): void => {
  setImmediate(run);
};
