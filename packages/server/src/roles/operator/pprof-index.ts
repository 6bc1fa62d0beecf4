// The page of /debug/pprof/: what there is, for whoever has nothing but a browser.

interface Row {
  readonly path: string;
  readonly words: string;
}

const rows: readonly Row[] = [
  { path: 'profile?seconds=30', words: 'where CPU time goes, of all threads; pprof format' },
  {
    path: 'profile?seconds=30&format=cpuprofile',
    words: "the main thread's alone, for DevTools (thread=… for another)",
  },
  { path: 'heap', words: 'what lives on the heap, by class: count and size; pprof format (full=1 whatever the pause)' },
  { path: 'heapsnapshot', words: 'the whole heap of the main thread for DevTools: pauses the process for seconds' },
];

export function pprofIndex(processes: readonly string[]): Response {
  const sections = processes.map((name) => {
    const items = rows.map(({ path, words }) => {
      const address = `/debug/pprof/${path}${path.includes('?') ? '&' : '?'}process=${encodeURIComponent(name)}`;
      const escaped = Bun.escapeHTML(address);
      return `<li><a href="${escaped}">${escaped}</a><br>${Bun.escapeHTML(words)}</li>`;
    });
    return `<h2>${Bun.escapeHTML(name)}</h2><ul>${items.join('')}</ul>`;
  });
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Profiles of Hongyan</title>
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}li{margin:.6em 0}</style>
<h1>Profiles</h1><p>One profile of a process is taken at a time; another is refused with 409. Kept profiles: <a href="/admin/v1/profiles">/admin/v1/profiles</a>.</p>
${sections.join('')}</html>`;
  return new Response(page, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
    },
  });
}
