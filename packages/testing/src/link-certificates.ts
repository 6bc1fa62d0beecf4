// Certificates for links, for a day of tests: made by the very commands that docs/operating/cluster.md gives to operators.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the files are, as the options link-tls-* take them. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

const page = join(import.meta.dir, '../../../docs/operating/cluster.md');

/** In a new folder; of an authority of its own. */
export async function linkCertificate(folder: string): Promise<CertificateFiles> {
  await mkdir(folder, { recursive: true });
  const commands = /```sh\n(openssl [^`]*)```/.exec(await Bun.file(page).text())?.[1];
  if (commands === undefined) throw new Error(`${page} has no block of commands that begins with openssl`);
  await run(commands, folder);
  return { cert: join(folder, 'link.crt'), key: join(folder, 'link.key'), ca: join(folder, 'link-ca.crt') };
}

/** Of the same authority and for the same key, into `file` of the folder: with -1 day it ended yesterday. */
export async function signedAgain(
  folder: string,
  { file, days }: { readonly file: string; readonly days: number },
): Promise<CertificateFiles> {
  const authority = '-CA link-ca.crt -CAkey link-ca.key -CAcreateserial';
  await run(`openssl x509 -req -in link.csr ${authority} -days ${days} -out ${file}`, folder);
  return { cert: join(folder, file), key: join(folder, 'link.key'), ca: join(folder, 'link-ca.crt') };
}

/** Signed by an authority in between, whose certificate stands behind it in its file. */
export async function chainedCertificate(folder: string): Promise<CertificateFiles> {
  await run(
    [
      "printf 'basicConstraints=critical,CA:TRUE\\n' > between.ext",
      "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=between' -keyout between.key -out between.csr",
      'openssl x509 -req -in between.csr -CA link-ca.crt -CAkey link-ca.key -CAcreateserial -days 1 -extfile between.ext -out between.crt',
      'openssl x509 -req -in link.csr -CA between.crt -CAkey between.key -CAcreateserial -days 1 -out leaf.crt',
      'cat leaf.crt between.crt > chain.crt',
    ].join('\n'),
    folder,
  );
  return { cert: join(folder, 'chain.crt'), key: join(folder, 'link.key'), ca: join(folder, 'link-ca.crt') };
}

async function run(commands: string, cwd: string): Promise<void> {
  const made = Bun.spawn(['sh', '-ec', commands], { cwd, stdout: 'ignore', stderr: 'pipe', timeout: 10_000 });
  if ((await made.exited) !== 0) throw new Error(await new Response(made.stderr).text());
}
