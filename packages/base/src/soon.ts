// Work put off to the end of the event loop's turn, so that what many callbacks produced leaves together.

/** Runs after the promise callbacks and I/O callbacks that are ready now. */
export const soon = (run: () => void): void => {
  setImmediate(run);
};
