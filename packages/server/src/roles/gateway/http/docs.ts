// /docs: Swagger UI for the HTTP API, served from this server.

import css from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' };
import bundle from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' };
import type { StaticFiles } from '../../../http/static-files.ts';

// Relative addresses also work below a path of a shared host. Without an icon, browsers would request /favicon.ico.
const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Hongyan API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body></html>`;
const start = 'SwaggerUIBundle({ url: "openapi.json", dom_id: "#ui", deepLinking: true });';

export const docsFiles: StaticFiles = new Map<string, Blob>([
  ['/docs', new Blob([page], { type: 'text/html; charset=utf-8' })],
  ['/docs/start.js', new Blob([start], { type: 'text/javascript' })],
  ['/docs/swagger-ui.css', Bun.file(String(css))],
  ['/docs/swagger-ui-bundle.js', Bun.file(String(bundle))],
]);
