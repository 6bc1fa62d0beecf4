// What autoscalers read: Prometheus scrapes the pods, and prometheus-adapter shows to the API server what deploy/helm/prometheus-adapter.yaml
// makes of it, with the CPU of each pod, which metrics-server would bring.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import type { ControlPlane } from './control-plane.ts';
import type { RunningPod } from './node-agent.ts';

const rulesFile = join(import.meta.dir, '../../../deploy/helm/prometheus-adapter.yaml');

const cpuRules = {
  cpu: {
    containerLabel: 'container',
    containerQuery: 'sum(rate(process_cpu_seconds_total{<<.LabelMatchers>>}[30s])) by (<<.GroupBy>>)',
    nodeQuery: 'sum(rate(process_cpu_seconds_total{<<.LabelMatchers>>}[30s])) by (<<.GroupBy>>)',
    resources: { overrides: resourceLabels() },
  },
  memory: {
    containerLabel: 'container',
    containerQuery: 'sum(process_resident_memory_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>)',
    nodeQuery: 'sum(process_resident_memory_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>)',
    resources: { overrides: resourceLabels() },
  },
  window: '30s',
};

function resourceLabels() {
  return { namespace: { resource: 'namespace' }, pod: { resource: 'pod' }, node: { resource: 'node' } };
}

export class MetricsPipeline {
  readonly #folder: string;
  readonly #children: Bun.Subprocess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(
    plane: ControlPlane,
    { prometheus, operatorToken }: { readonly prometheus: string; readonly operatorToken: string },
  ): Promise<MetricsPipeline> {
    const folder = join(plane.folder, 'metrics');
    await mkdir(join(folder, 'data'), { recursive: true });
    const pipeline = new MetricsPipeline(folder);
    const url = await pipeline.#startPrometheus(prometheus, operatorToken);
    await pipeline.#startAdapter(plane, url);
    return pipeline;
  }

  /** The pods to scrape from now on. */
  async follow(pods: readonly RunningPod[], node: string): Promise<void> {
    const targets = pods.map(({ name, role, urlOf }) => ({
      targets: [new URL(urlOf('operators')).host],
      labels: { namespace: 'default', pod: name, container: role, node },
    }));
    await Bun.write(join(this.#folder, 'targets.json'), JSON.stringify(targets));
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGKILL');
      await child.exited;
    }
  }

  async #startPrometheus(prometheus: string, token: string): Promise<string> {
    const address = `127.0.0.1:${freePort()}`;
    await Bun.write(join(this.#folder, 'token'), token);
    await Bun.write(join(this.#folder, 'targets.json'), '[]');
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [
        {
          job_name: 'hongyan',
          authorization: { credentials_file: join(this.#folder, 'token') },
          file_sd_configs: [{ files: [join(this.#folder, 'targets.json')], refresh_interval: '1s' }],
        },
      ],
    };
    await Bun.write(join(this.#folder, 'prometheus.yml'), JSON.stringify(config));
    const output = Bun.file(join(this.#folder, 'prometheus.log'));
    const args = [`--config.file=${this.#folder}/prometheus.yml`, `--storage.tsdb.path=${this.#folder}/data`];
    this.#children.push(
      Bun.spawn([prometheus, ...args, `--web.listen-address=${address}`], { stdout: output, stderr: output }),
    );
    return `http://${address}`;
  }

  async #startAdapter(plane: ControlPlane, prometheusUrl: string): Promise<void> {
    const port = freePort();
    const shipped = Bun.YAML.parse(await Bun.file(rulesFile).text()) as { rules: { custom: readonly object[] } };
    const config = join(this.#folder, 'adapter.yml');
    await Bun.write(config, JSON.stringify({ rules: shipped.rules.custom, resourceRules: cpuRules }));
    plane.start('prometheus-adapter', [
      ...[`--lister-kubeconfig=${plane.kubeconfig}`, `--authentication-kubeconfig=${plane.kubeconfig}`],
      ...[`--authorization-kubeconfig=${plane.kubeconfig}`, '--authentication-skip-lookup=false'],
      ...[`--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${this.#folder}/certs`],
      ...[
        `--prometheus-url=${prometheusUrl}`,
        `--config=${config}`,
        '--metrics-relist-interval=5s',
        '--metrics-max-age=30s',
      ],
    ]);
    await plane.api('POST', '/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'metrics' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    });
    for (const [group, version] of [
      ['custom.metrics.k8s.io', 'v1beta1'],
      ['custom.metrics.k8s.io', 'v1beta2'],
      ['metrics.k8s.io', 'v1beta1'],
    ])
      await plane.api('POST', '/apis/apiregistration.k8s.io/v1/apiservices', {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `${version}.${group}` },
        spec: {
          ...{ group, version, insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100 },
          service: { namespace: 'default', name: 'metrics', port },
        },
      });
  }
}
