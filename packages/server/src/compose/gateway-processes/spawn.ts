// Spawns gateway processes: this program again, with messages over Bun's IPC.

import { spawn } from 'bun';
import { type FromGatewayProcess, gatewayProcessWord } from './messages.ts';
import type { Child } from './slot.ts';

/** `program`: the command that runs this program. */
export const spawnGateway =
  (program: readonly string[]) =>
  (node: string, onMessage: (message: FromGatewayProcess) => void): Child => {
    const process = spawn([...program, gatewayProcessWord, node], {
      env: environment(),
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      serialization: 'json',
      ipc: onMessage,
    });
    return {
      pid: process.pid,
      exited: process.exited.then(() => ({
        code: process.exitCode,
        signal: process.signalCode === null ? null : String(process.signalCode),
      })),
      send(message) {
        try {
          process.send(message);
        } catch {
          // The process is gone or about to exit: a terminal's Ctrl-C reaches it as well. Its exit is awaited where it matters.
        }
      },
      kill: () => process.kill('SIGKILL'),
    };
  };

/** The options come with `begin`: those of the environment are in them already. */
function environment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HONGYAN_')));
}
