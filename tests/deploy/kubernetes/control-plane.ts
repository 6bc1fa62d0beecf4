// A real Kubernetes control plane on loopback: etcd, API server, controllers and scheduler. Nodes and metrics are added to it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';
import { type ProgramName, program } from './programs.ts';

const startMsMax = 120_000;

export class ControlPlane {
  readonly url: string;
  readonly kubeconfig: string;
  readonly folder: string;
  readonly #token = crypto.randomUUID();
  readonly #children: Bun.Subprocess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.url = `https://127.0.0.1:${freePort()}`;
    this.kubeconfig = join(folder, 'kubeconfig');
  }

  static async start(folder: string): Promise<ControlPlane> {
    const plane = new ControlPlane(folder);
    await mkdir(join(folder, 'certs'), { recursive: true });
    await plane.#writeCredentials();
    plane.#startServers();
    await until(async () => (await plane.kubectl('get', '--raw', '/readyz')).code === 0, {
      withinMs: startMsMax,
      what: `the API server is ready (${folder})`,
    });
    plane.#startControllers();
    return plane;
  }

  async kubectl(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
    return this.run('kubectl', args);
  }

  /** A program that reads the kubeconfig from the environment. */
  async run(name: ProgramName, args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    const child = Bun.spawn([program(name), ...args], { env, stdout: 'pipe', stderr: 'pipe' });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, text: out + err };
  }

  /** Asks the API. Rejects for any answer that is not 2xx, but for 404, which is undefined. */
  async api<T>(method: string, path: string, body?: object, type = 'application/json'): Promise<T | undefined> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': type },
      tls: { rejectUnauthorized: false },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** A child of the control plane, ended with it; its output goes to a file of its name. */
  start(name: ProgramName, args: readonly string[]): void {
    const output = Bun.file(join(this.folder, `${name}.log`));
    this.#children.push(Bun.spawn([program(name), ...args], { cwd: this.folder, stdout: output, stderr: output }));
  }

  async stop(): Promise<void> {
    for (const child of this.#children.splice(0).reverse()) {
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await child.exited;
      clearTimeout(killing);
    }
  }

  async #writeCredentials(): Promise<void> {
    const certs = join(this.folder, 'certs');
    const openssl = async (...args: readonly string[]) => {
      const child = Bun.spawn(['openssl', ...args], { cwd: certs, stdout: 'ignore', stderr: 'ignore' });
      if ((await child.exited) !== 0) throw new Error(`openssl ${args.join(' ')} failed`);
    };
    await openssl('genrsa', '-out', 'accounts.key', '2048');
    const self = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
    await openssl(...self, '-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=127.0.0.1', '-addext', names);
    await openssl(...self, '-keyout', 'proxy.key', '-out', 'proxy.crt', '-subj', '/CN=front-proxy');
    await Bun.write(join(certs, 'tokens.csv'), `${this.#token},admin,1,"system:masters"\n`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'local', cluster: { server: this.url, 'certificate-authority': join(certs, 'server.crt') } }],
      users: [{ name: 'admin', user: { token: this.#token } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
      'current-context': 'local',
    };
    await Bun.write(this.kubeconfig, JSON.stringify(config));
  }

  #startServers(): void {
    const [client, peer] = [`http://127.0.0.1:${freePort()}`, `http://127.0.0.1:${freePort()}`];
    this.start('etcd', [
      '--data-dir=etcd',
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=default=${peer}`],
    ]);
    this.start('kube-apiserver', [
      ...[`--etcd-servers=${client}`, '--bind-address=127.0.0.1', `--secure-port=${new URL(this.url).port}`],
      ...['--tls-cert-file=certs/server.crt', '--tls-private-key-file=certs/server.key'],
      ...['--token-auth-file=certs/tokens.csv', '--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24'],
      ...['--service-account-key-file=certs/accounts.key', '--service-account-signing-key-file=certs/accounts.key'],
      `--service-account-issuer=${this.url}`,
      ...['--requestheader-client-ca-file=certs/proxy.crt', '--requestheader-allowed-names='],
      ...['--proxy-client-cert-file=certs/proxy.crt', '--proxy-client-key-file=certs/proxy.key'],
      ...['--requestheader-username-headers=X-Remote-User', '--requestheader-group-headers=X-Remote-Group'],
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    ]);
  }

  #startControllers(): void {
    const kubeconfig = `--kubeconfig=${this.kubeconfig}`;
    this.start('kube-controller-manager', [
      kubeconfig,
      '--secure-port=0',
      ...['--service-account-private-key-file=certs/accounts.key', '--root-ca-file=certs/server.crt'],
      ...['--horizontal-pod-autoscaler-sync-period=2s', '--horizontal-pod-autoscaler-initial-readiness-delay=1s'],
      '--horizontal-pod-autoscaler-cpu-initialization-period=5s',
    ]);
    this.start('kube-scheduler', [kubeconfig, '--secure-port=0']);
  }
}
