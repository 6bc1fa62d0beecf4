// Loaded into a server before it starts: SIGUSR2 ends the threads that write, as a defect in them would; where END_WRITERS is there, those
// alone whose file has it in its name.

globalThis.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    if (String(args[0]).includes(process.env.END_WRITERS ?? '')) process.on('SIGUSR2', () => this.terminate());
  }
};
