// A node of the control plane whose pods are processes of this machine: what the chart says of a container (arguments, environment,
// files of secrets, probes, the time to stop) is what its process gets. Ports and the data folder are mapped to free ones of this machine.

import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import type { ControlPlane } from './control-plane.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: {
      readonly fieldRef?: { readonly fieldPath: string };
      readonly secretKeyRef?: { readonly name: string; readonly key: string };
    };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}
interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly [Container];
    readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
  };
}

/** A pod that runs here. */
export interface RunningPod {
  readonly name: string;
  readonly role: string;
  readonly urlOf: (port: string) => string;
  readonly isReady: boolean;
  /** Absent: it runs. */
  exitCode?: number | null;
}

interface Process extends RunningPod {
  readonly pod: Pod;
  readonly child: Bun.Subprocess;
  readonly startedAt: string;
  isReady: boolean;
  isStopping: boolean;
}

const lookEveryMs = 300;
const heartbeatEveryMs = 5_000;
const closeMsMax = 30_000;
const address = '127.0.0.1';
const dataPath = '/var/lib/hongyan';

export interface NodeAgentOptions {
  readonly plane: ControlPlane;
  readonly name: string;
  /** Runs a container's arguments. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly onPods?: (pods: readonly RunningPod[]) => Promise<void>;
}

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #processes = new Map<string, Process>();
  readonly #stopped: RunningPod[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { plane, name } = this.#options;
    await plane.api('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-of-${name}` } },
    });
    await this.#beat();
    this.#running = Promise.all([
      this.#repeat(lookEveryMs, () => this.#look()),
      this.#repeat(heartbeatEveryMs, () => this.#beat()),
    ]);
  }

  get pods(): readonly RunningPod[] {
    return [...this.#processes.values()];
  }

  /** Those that were stopped, with the status they left with. */
  get stopped(): readonly RunningPod[] {
    return this.#stopped;
  }

  /** Stops its pods as a node does that is shut down. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(
      [...this.#processes.values()].map(async ({ child }) => {
        child.kill('SIGTERM');
        const killing = setTimeout(() => child.kill('SIGKILL'), closeMsMax);
        await child.exited;
        clearTimeout(killing);
      }),
    );
  }

  async #repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await work();
      await Bun.sleep(everyMs);
    }
  }

  async #beat(): Promise<void> {
    const { plane, name } = this.#options;
    const now = new Date().toISOString();
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'Runs', message: '', lastHeartbeatTime: now, lastTransitionTime: now },
    ];
    const resources = { cpu: '64', memory: '256Gi', pods: '100' };
    const status = {
      capacity: resources,
      allocatable: resources,
      conditions,
      addresses: [{ type: 'InternalIP', address }],
    };
    await plane.api('PATCH', `/api/v1/nodes/${name}/status`, { status }, 'application/merge-patch+json');
  }

  async #look(): Promise<void> {
    const { plane, name, onPods } = this.#options;
    const answer = await plane.api<{ items: readonly Pod[] }>(
      'GET',
      `/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`,
    );
    for (const pod of answer?.items ?? []) {
      const process = this.#processes.get(pod.metadata.uid);
      if (pod.metadata.deletionTimestamp !== undefined) this.#end(pod, process);
      else if (process === undefined) await this.#run(pod);
      else await this.#report(process);
    }
    await onPods?.(this.pods);
  }

  async #run(pod: Pod): Promise<void> {
    const { command, folder } = this.#options;
    const [container] = pod.spec.containers;
    const data = join(folder, pod.metadata.name);
    await this.#writeFiles(pod, container, data);
    const ports = new Map(
      container.ports.map(({ name, containerPort }) => [name, { containerPort, port: freePort() }]),
    );
    const mapped = (value: string) => {
      let text = value.replaceAll('0.0.0.0', address).replaceAll(dataPath, data);
      for (const { containerPort, port } of ports.values()) text = text.replace(`:${containerPort}`, `:${port}`);
      return text;
    };
    const env = await this.#environment(pod, container, mapped);
    const output = Bun.file(join(folder, `${pod.metadata.name}.log`));
    const child = Bun.spawn([...command, ...container.args], {
      env: { PATH: process.env.PATH ?? '', HOME: data, ...env },
      stdout: output,
      stderr: output,
    });
    const urlOf = (name: string) => `http://${address}:${ports.get(name)?.port}`;
    this.#processes.set(pod.metadata.uid, {
      ...{
        pod,
        child,
        urlOf,
        name: pod.metadata.name,
        startedAt: new Date().toISOString(),
        isReady: false,
        isStopping: false,
      },
      role: pod.metadata.labels['app.kubernetes.io/component'] ?? '',
    });
  }

  async #writeFiles(pod: Pod, container: Container, data: string): Promise<void> {
    const { plane } = this.#options;
    await mkdir(data, { recursive: true, mode: 0o700 });
    const secrets = new Map(pod.spec.volumes.map(({ name, secret }) => [name, secret?.secretName]));
    for (const { name, mountPath, subPath } of container.volumeMounts) {
      const secretName = secrets.get(name);
      if (secretName === undefined || subPath === undefined) continue;
      const path = mountPath.replace(dataPath, data);
      await mkdir(dirname(path), { recursive: true });
      await Bun.write(path, await this.#secretValue(plane, pod, secretName, subPath));
      await chmod(path, 0o440);
    }
  }

  async #environment(
    pod: Pod,
    { envFrom = [], env = [] }: Container,
    mapped: (value: string) => string,
  ): Promise<Readonly<Record<string, string>>> {
    const { plane } = this.#options;
    const values: Record<string, string> = {};
    for (const { configMapRef } of envFrom) {
      const path = `/api/v1/namespaces/${pod.metadata.namespace}/configmaps/${configMapRef.name}`;
      const map = await plane.api<{ data: Readonly<Record<string, string>> }>('GET', path);
      Object.assign(values, map?.data);
    }
    for (const { name, value, valueFrom } of env) {
      if (valueFrom?.secretKeyRef) {
        const { name: secret, key } = valueFrom.secretKeyRef;
        values[name] = await this.#secretValue(plane, pod, secret, key);
      } else if (valueFrom?.fieldRef) {
        values[name] = valueFrom.fieldRef.fieldPath === 'status.podIP' ? address : pod.metadata.name;
      } else {
        const text = (value ?? '').replaceAll(/\$\((\w+)\)/g, (whole, other: string) => values[other] ?? whole);
        values[name] = mapped(text);
      }
    }
    return values;
  }

  async #secretValue(plane: ControlPlane, pod: Pod, name: string, key: string): Promise<string> {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/secrets/${name}`;
    const secret = await plane.api<{ data: Readonly<Record<string, string>> }>('GET', path);
    const value = secret?.data[key];
    if (value === undefined) throw new Error(`the secret ${name} has no key ${key}`);
    return Buffer.from(value, 'base64').toString();
  }

  async #report(process: Process): Promise<void> {
    const { pod, child } = process;
    const [container] = pod.spec.containers;
    const { path, port } = container.readinessProbe.httpGet;
    const answer = await fetch(`${process.urlOf(port)}${path}`, { signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    process.isReady = answer?.ok === true && child.exitCode === null;
    const now = new Date().toISOString();
    const ready = process.isReady ? 'True' : 'False';
    const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: now });
    const state =
      child.exitCode === null
        ? { running: { startedAt: process.startedAt } }
        : { terminated: { exitCode: child.exitCode, startedAt: process.startedAt, finishedAt: now, reason: 'Error' } };
    const status = {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      hostIP: address,
      startTime: process.startedAt,
      conditions: [
        condition('PodScheduled', 'True'),
        condition('Initialized', 'True'),
        condition('ContainersReady', ready),
        condition('Ready', ready),
      ],
      containerStatuses: [
        {
          name: container.name,
          image: 'local',
          imageID: 'local',
          ready: process.isReady,
          started: true,
          restartCount: 0,
          state,
        },
      ],
    };
    const at = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/status`;
    await this.#options.plane.api('PATCH', at, { status }, 'application/merge-patch+json');
  }

  /** SIGTERM, and SIGKILL when the pod's grace time is over; then the pod is gone. */
  #end(pod: Pod, process: Process | undefined): void {
    if (process?.isStopping) return;
    if (process) process.isStopping = true;
    void this.#stop(pod, process);
  }

  async #stop({ metadata }: Pod, process: Process | undefined): Promise<void> {
    if (process) {
      process.child.kill('SIGTERM');
      const killing = setTimeout(
        () => process.child.kill('SIGKILL'),
        (metadata.deletionGracePeriodSeconds ?? 30) * 1000,
      );
      process.exitCode = await process.child.exited;
      clearTimeout(killing);
      this.#processes.delete(metadata.uid);
      this.#stopped.push(process);
      await rm(join(this.#options.folder, metadata.name), { recursive: true, force: true });
    }
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}?gracePeriodSeconds=0`;
    await this.#options.plane.api('DELETE', path);
  }
}
