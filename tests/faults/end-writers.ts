// Loaded into a server before it starts: SIGUSR2 ends the threads that write, as a defect in them would.

globalThis.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    process.on('SIGUSR2', () => this.terminate());
  }
};
