// [N8] A core and its gateways as processes, with certificates for their links made as docs/operating/cluster.md says.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { freePort } from '@hongyan/testing/free-port';
import { type CertificateFiles, linkCertificate, signedAgain } from '@hongyan/testing/link-certificates';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { ClusterUnderTest } from '../cluster-server.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, spawnServer } from '../server-process.ts';
import { messageWith, Person, text } from './people.ts';

setDefaultTimeout(120_000);

const optionsOf = ({ cert, key, ca }: CertificateFiles) => ({
  HONGYAN_LINK_TLS_CERT: cert,
  HONGYAN_LINK_TLS_KEY: key,
  HONGYAN_LINK_TLS_CA: ca,
});

describeWith(['mysql', 'kafka', 'redis'], 'links with TLS', () => {
  let folder: string;
  let own: CertificateFiles;
  let other: CertificateFiles;
  let cluster: ClusterUnderTest;
  let gateway: ServerProcess;
  const linkPort = freePort();

  beforeAll(async () => {
    folder = await dataFolder('certificates');
    own = await linkCertificate(join(folder, 'own'));
    other = await linkCertificate(join(folder, 'other'));
    cluster = await ClusterUnderTest.start({
      gateways: 0,
      cores: 0,
      env: { HONGYAN_LINK_LISTEN: `127.0.0.1:${linkPort}` },
    });
    await cluster.startCore(optionsOf(own));
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  /** Resolves when another user has the message. */
  async function sendFrom(sender: string): Promise<void> {
    const to = `friend-of-${sender}`;
    const [from, friend] = await Promise.all([sender, to].map((id) => Person.join(gateway.url, id)));
    const [phone, laptop] = await Promise.all([from?.device('phone'), friend?.device('laptop')]);
    const send = { type: 'send', to, client_msg_id: 'k1', content: text('over the link') };
    expect(await phone?.request(send)).toMatchObject({ type: 'ack', seq: 1 });
    expect(await laptop?.next(messageWith('k1'))).toMatchObject({ content: text('over the link') });
    await Promise.all([phone?.close(), laptop?.close()]);
  }

  /** Of this cluster; it need not become ready. */
  function gatewayWith(env: Readonly<Record<string, string>>): {
    readonly gateway: ServerProcess;
    readonly readyz: string;
  } {
    const operator = `127.0.0.1:${freePort()}`;
    const gateway = spawnServer({
      dataDir: cluster.dataDir,
      env: { ...cluster.env, ...env },
      args: ['--roles', 'gateway', '--operator-listen', operator],
    });
    return { gateway, readyz: `http://${operator}/readyz` };
  }

  /** Resolves when its log and its readiness both say it; nobody is let in. */
  async function refusedWith(env: Readonly<Record<string, string>>, said: RegExp): Promise<void> {
    const { gateway, readyz } = gatewayWith(env);
    const readiness = () =>
      fetch(readyz).then(
        async (answer) => `${answer.status} ${await answer.text()}`,
        () => '',
      );
    await until(async () => said.test(gateway.output()) && said.test(await readiness()), { withinMs: 60_000 });
    expect(await readiness()).toStartWith('503');
    expect(gateway.output()).not.toContain('Hongyan is ready');
    expect(await fetch(`${gateway.url}/healthz`).catch(() => 'refused')).toBe('refused');
    await gateway.kill();
  }

  test('a message goes through a link that shows certificates of the same authority', async () => {
    gateway = await cluster.startGateway({ env: optionsOf(own) });
    await sendFrom('ann');
  });

  test('on the wire there is TLS: a stranger sees the certificate of the core, and gets nothing without one of its own', async () => {
    const stranger = Bun.spawn(
      [
        'openssl',
        's_client',
        '-connect',
        `127.0.0.1:${linkPort}`,
        '-alpn',
        'h2',
        '-CAfile',
        own.ca,
        '-verify_return_error',
      ],
      // It would leave with its input, before the core has looked for a certificate.
      { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', timeout: 10_000 },
    );
    const [said, trouble] = await Promise.all(
      [stranger.stdout, stranger.stderr].map((own) => new Response(own).text()),
    );
    expect(said).toContain('Verify return code: 0 (ok)');
    expect(said).toMatch(/ALPN protocol: h2/);
    expect(trouble).toContain('alert certificate required');
  });

  test('a gateway with a certificate of another authority gets no link, and says what is wrong and what to do', () =>
    refusedWith(optionsOf(other), /certificate of the core is not accepted .*link-tls-ca of this process/));

  test('a gateway without a certificate gets no link, and says what is wrong and what to do', () =>
    refusedWith({}, /core closed the connection in the handshake: it may require a certificate, which link-tls-cert/));

  test('what the others would refuse does not start: a certificate of another authority, one that ended', async () => {
    const wrong: readonly (readonly [CertificateFiles, string])[] = [
      [
        { ...other, ca: own.ca },
        `${other.cert} (link-tls-cert) is not signed by the authority in ${own.ca} (link-tls-ca)`,
      ],
      [{ ...own, key: other.key }, `${other.key} (link-tls-key) is not the key of ${own.cert} (link-tls-cert)`],
      [{ ...own, ca: own.key }, `${own.key} (link-tls-ca) is not a PEM certificate`],
      [
        await signedAgain(join(folder, 'own'), { file: 'ended.crt', days: -1 }),
        '(link-tls-cert) has expired: it was valid until',
      ],
    ];
    for (const [files, message] of wrong) {
      const { gateway } = gatewayWith(optionsOf(files));
      expect(await gateway.left()).toBe(1);
      expect(gateway.output()).toContain(message);
    }
  });

  test('a process whose certificate ends within two weeks serves, and its readiness says so', async () => {
    const certificate = await signedAgain(join(folder, 'own'), { file: 'short.crt', days: 7 });
    const { gateway: soon, readyz } = gatewayWith(optionsOf(certificate));
    await until(() => soon.output().includes('Hongyan is ready'), { withinMs: 60_000 });
    const { status, checks } = await (await fetch(readyz)).json();
    expect(status).toBe('ready');
    expect(checks['link certificate']).toMatchObject({
      status: 'degraded',
      reason: expect.stringContaining('renew it'),
    });
    const authorization = `Bearer ${(await readFile(join(cluster.dataDir, 'operator-token'), 'utf8')).trim()}`;
    const scraped = await (await fetch(readyz.replace('/readyz', '/metrics'), { headers: { authorization } })).text();
    const endsAtS = new X509Certificate(await readFile(certificate.cert)).validToDate.getTime() / 1000;
    expect(scraped).toMatch(
      new RegExp(`^hongyan_certificate_end_time_seconds\\{option="link-tls-cert",.* ${endsAtS}$`, 'm'),
    );
    expect(await soon.stop()).toBe(0);
  });

  test('[B3] a renewed certificate takes effect at a reload: links that stand go on, and new ones begin', async () => {
    const before = await certificateShown();
    const operator = await OperatorClient.connect(cluster.dataDir);
    const reload = () => operator.fetch('POST', '/admin/v1/config/reload');
    await writeFile(own.cert, 'half of a file');
    const refused = await reload();
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringMatching(/\(link-tls-cert\) is not a PEM.*; a reload rereads only the files given at the start/),
    ]);
    await signedAgain(join(folder, 'own'), { file: 'link.crt', days: 30 });
    expect(await certificateShown()).toBe(before);
    expect(await (await reload()).json()).toEqual({ changed: ['link-tls-cert'], needs_restart: [] });
    const renewed = await certificateShown();
    expect(renewed).not.toBe(before);
    await sendFrom('bea');
    expect(gateway.output()).not.toContain('the link to the core is lost');
    // A new core, to which the gateway has no link yet.
    await cluster.cores[0]?.stop();
    await cluster.startCore(optionsOf(own));
    expect(await certificateShown()).toBe(renewed);
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, { withinMs: 60_000 });
    await sendFrom('carol');
  });

  /** By a core to whoever connects. */
  async function certificateShown(): Promise<string> {
    const stranger = connect({ host: '127.0.0.1', port: linkPort, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    stranger.on('error', () => {});
    const shown = new Promise<string>((resolve) =>
      stranger.once('secureConnect', () => resolve(stranger.getPeerCertificate().fingerprint256)),
    );
    return shown.finally(() => stranger.destroy());
  }
});
