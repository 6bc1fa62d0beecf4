// Ports in front of a real adapter that are slow, wait for the test, or fail.

type Method = (...args: unknown[]) => unknown;

/** `run` wraps each call: it decides when the call is made, when it resolves, and whether it fails. */
export function around<Port extends object>(
  port: Port,
  run: (name: string, call: () => Promise<unknown>) => Promise<unknown>,
): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value as Method;
      return (...args: unknown[]) => run(String(name), async () => (await method.apply(target, args)) as unknown);
    },
  });
}

/** Calls of the named method wait until `open` is called; `reached` resolves when the first one waits. */
export function held<Port extends object>(port: Port, method: keyof Port & string) {
  const gate = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  const holding = around(port, async (name, call) => {
    if (name === method) {
      arrival.resolve();
      await gate.promise;
    }
    return call();
  });
  return { port: holding, open: gate.resolve, reached: arrival.promise };
}

/** Calls of these methods reject with the error set by `failWith`; undefined: they work. */
export function failing<Port extends object>(port: Port, ...methods: readonly (keyof Port & string)[]) {
  const state: { error: Error | undefined } = { error: undefined };
  const faulty = around(port, (name, call) =>
    state.error !== undefined && (methods as readonly string[]).includes(name) ? Promise.reject(state.error) : call(),
  );
  return {
    port: faulty,
    failWith(error: Error | undefined) {
      state.error = error;
    },
  };
}
