// Metrics of tasks by state, and of registered devices.

import type { Metrics, Sample } from '../../metrics/metrics.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';

const states = ['ready', 'delayed', 'claimed', 'dead'] as const;

export function registerDevicesAndTasks(metrics: Metrics, devices: DeviceReader, tasks: TaskQueue): void {
  metrics.gauge({
    name: 'hongyan_tasks',
    help: 'Tasks of each kind: ready, delayed, claimed by a worker, dead',
    async read(): Promise<readonly Sample[]> {
      const kinds = await tasks.counts();
      return kinds.flatMap((counts) => states.map((state): Sample => [{ kind: counts.kind, state }, counts[state]]));
    },
  });
  metrics.gauge({ name: 'hongyan_devices', help: 'Registered devices', read: () => devices.total() });
}
